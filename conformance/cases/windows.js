// mutate(): an event's windows against tRPC v10 and v11, with superjson as the real system has it.
import { deepEqual, equal, match } from 'node:assert/strict';
import { startAdmin } from '../admin.js';
import { events } from '../admin/events.js';
import { windows } from '../admin/queries.js';
import { show } from '../admin/show.js';
import { k6 } from '../k6.js';

const [{ id: eventId, windows: ids }] = events;

/** active gives the windows of the event that are. */
const active = ({ query }, session, eventId) => query(session, 'windows.list', { eventId }).filter((one) => one.isActive).map((one) => one.id);

/** wrong are inputs of windows.toggle that are refused, and how. */
const wrong = [
  [{ id: ids.POST }, 'BAD_REQUEST', 400, /isActive: Required$/],
  [{ id: 5, isActive: 'true' }, 'BAD_REQUEST', 400, /id: Expected string, received number; isActive: Expected boolean, received string$/],
  [{ id: 'nobody\'s', isActive: true }, 'INTERNAL_SERVER_ERROR', 500, /no window nobody's/],
];

const suite = ({ GENERATION, counterpart }) => ({
  counterpart,
  start: async () => {
    const admin = await startAdmin({ GENERATION, TRPC_TRANSFORMER: 'superjson' });
    const { value: session } = await k6(({ login }) => login(), admin.env);
    return { ...admin, session };
  },
  cases: {
    'query() windows.list': async ({ env, session }) => {
      const { value } = await k6(({ query }, session, eventId, show) => show(query(session, 'windows.list', { eventId })), env, session, eventId, show);
      equal(value, show(windows));
    },

    'mutate() windows.toggle, and what windows.list says then': async ({ env, session }) => {
      const { value, error } = await k6(({ mutate }, session, id) => mutate(session, 'windows.toggle', { id, isActive: true }), env, session, ids.POST);
      equal(error, undefined);
      deepEqual([value.id, value.isActive], [ids.POST, true]);
      deepEqual((await k6(active, env, session, eventId)).value, [ids.POST]);
    },

    'mutate() that is refused changes nothing': async ({ env, session }) => {
      const before = (await k6(active, env, session, eventId)).value;
      for (const [input, code, status, words] of wrong) {
        const { error } = await k6(({ mutate }, session, input) => mutate(session, 'windows.toggle', input), env, session, input);
        deepEqual([error.code, error.status, error.procedure], [code, status, 'windows.toggle']);
        match(error.message, words);
      }
      const { error } = await k6(({ mutate }, input) => mutate(null, 'windows.toggle', input), env, { id: ids.PRE, isActive: true });
      deepEqual([error.code, error.status], ['UNAUTHORIZED', 401]);
      deepEqual((await k6(active, env, session, eventId)).value, before);
    },

    'a mutation by query(), and a query by mutate(), are refused': async ({ env, session }) => {
      const { error } = await k6(({ query }, session, id) => query(session, 'windows.toggle', { id, isActive: true }), env, session, ids.PRE);
      const { error: other } = await k6(({ mutate }, session, eventId) => mutate(session, 'windows.list', { eventId }), env, session, eventId);
      deepEqual([error.code, other.code], counterpart === '@trpc/server' ? ['NOT_FOUND', 'NOT_FOUND'] : ['METHOD_NOT_SUPPORTED', 'METHOD_NOT_SUPPORTED']);
    },
  },
});

export default [{ GENERATION: 'v5', counterpart: '@trpc/server' }, { GENERATION: 'v4', counterpart: 'trpc-server-11' }].map(suite);
