// query() and batch() against tRPC v10 with superjson, as the real system has it, and v11 with and without.
import { deepEqual, equal, match } from 'node:assert/strict';
import superjson from 'superjson';
import { startAdmin } from '../admin.js';
import { events } from '../admin/events.js';
import { exotic, queries } from '../admin/queries.js';
import { show } from '../admin/show.js';
import { k6 } from '../k6.js';

const [{ id: eventId }] = events;
const from = '2026-03-01T00:00:00.000Z';
const to = '2026-03-02T00:00:00.000Z';

const inputs = {
  kpis: { from, to }, velocityHistory: { eventId }, eventSummary: { eventId }, tapsByHour: { eventId, hours: 24 },
  exportTaps: { eventId, from, to },
};

/** wrong are inputs that Zod refuses, made in Node and in k6, and its words about them. */
const wrong = () => [
  ['kpis', { from: 'yesterday', to: '2026-03-01' }, 'from: Invalid datetime; to: Invalid datetime'],
  ['exportTaps', { from: '2026-03-01T00:00:00', to: '2026-03-01T00:00:00+01:00' }, 'from: Invalid datetime'],
  ['kpis', { from: '2026-03-01T00:00:00Z' }, 'to: Required'],
  ['eventSummary', {}, 'eventId: Required'],
  ['tapsByHour', { eventId: 5, hours: '24' }, 'eventId: Expected string, received number; hours: Expected number, received string'],
  ['velocityHistory', { eventId: null }, 'eventId: Expected string, received null'],
  ['tapsByHour', { eventId: 'e', hours: 0 }, 'hours: Number must be greater than or equal to 1'],
  ['tapsByHour', { eventId: 'e', hours: 169 }, 'hours: Number must be less than or equal to 168'],
  ['kpis', undefined, 'Required'],
];

/** dates is one that is wrong by superjson alone: by JSON a Date arrives as a string in the right form. */
const dates = () => [
  ['kpis', { from: new Date(0), to: new Date(1) }, 'from: Expected string, received date; to: Expected string, received date'],
];

const unauthorized = (procedure, request) => ({
  message: `${request}answered UNAUTHORIZED (401): UNAUTHORIZED. The session is missing or has expired: log in again`,
  code: 'UNAUTHORIZED', status: 401, procedure,
});

/** What JavaScript carries and JSON doesn't, or only just; each is made in Node and in k6. */
const values = {
  'undefined': () => undefined,
  'null': () => null,
  'a Date': () => new Date(1767225600123),
  'dates far away': () => [new Date(-1), new Date(8.64e15), new Date(-8.64e15)],
  'dates in arrays in objects': () => ({ days: [[new Date(0)], { at: new Date(1) }] }),
  'undefined in an object and in an array': () => ({ a: undefined, b: [undefined, 1, undefined] }),
  'NaN, Infinity, -0': () => [NaN, Infinity, -Infinity, -0, { zero: -0 }],
  '-0 alone': () => -0,
  'numbers': () => [0, 1.5, 1e21, 5e-324, 1.7976931348623157e308, 9007199254740993, 0.1 + 0.2],
  'strings beyond the BMP, and controls': () => 'é “” 🎫 \udbff\udfff \0\x07\x7f\u2028\u2029\ufeff "\\/',
  'keys with dots and backslashes': () => ({ 'a.b': new Date(0), 'a\\.b': { 'c\\': new Date(1) }, '.': undefined, '\\.': [NaN] }),
  'keys like numbers, and empty ones': () => ({ 1: new Date(0), '': new Date(1), x: { '': { '': -0 } }, 0: { '01': new Date(2) } }),
  'keys beyond the BMP': () => ({ '🎫': new Date(0), 'ü.ñ': new Date(1) }),
  'the same object twice': () => { const at = new Date(0), one = { at }; return { one, two: one, at }; },
  'what a URL encodes': () => ({ q: "a+b & c=d #e %41 ?f /g 'h' (i)* !~", '&=': [] }),
  'empty ones': () => ({ a: {}, b: [], c: '', d: [[]] }),
};

/** What superjson carries besides: JSON can't, or is taken for superjson. */
const likeness = () => ({ json: { at: 'x' }, meta: { values: { at: ['Date'] } } });
const besides = { 'BigInt': () => [0n, -1n, { 'a.b': 123456789012345678901234567890n }], 'what looks like superjson itself': likeness };

const overJSON = (value) => (value === undefined ? undefined : JSON.parse(JSON.stringify(value)));

/**
 * What does not go there and back: each with what there is instead, as text: the server's view and the answer, or the
 * error. k6's own JSON.parse makes U+FFFD of a lone surrogate.
 */
const surrogates = {
  'lone surrogates': [() => ['\ud800', '\ud83c 🎫 \udfab'],
    '["\\ud800","\\ud83c \\ud83c\\udfab \\udfab"]', '["\\ufffd","\\ufffd \\ud83c\\udfab \\ufffd"]'],
};
const exceptions = {
  '': {
    ...surrogates,
    'what looks like superjson itself': [likeness, /the server's transformer is superjson, but TRPC_TRANSFORMER/],
    'BigInt': [() => 1n, /^query: seen: TypeError: .*BigInt/],
    'an own __proto__': [() => JSON.parse('{"__proto__":{"a":1}}'), '{"__proto__":{"a":1}}', '{"__proto__":{"a":1}}'],
  },
  'superjson': {
    ...surrogates,
    'an own __proto__': [() => JSON.parse('{"a":{"__proto__":1}}'), /^query: seen: superjson: the key __proto__ is refused/],
    'an invalid Date': [() => [new Date(NaN)], /^query: seen: superjson: a Date at "0" is not supported$/],
    'a Map': [() => new Map(), /^query: seen: superjson: a Map at "" is not supported$/],
    'a Set': [() => [new Set()], /^query: seen: superjson: a Set at "0" is not supported$/],
    'a RegExp': [() => /a/, /^query: seen: superjson: a RegExp at "" is not supported$/],
    'an Error': [() => new Error('x'), /^query: seen: superjson: a Error at "" is not supported$/],
  },
};

const generations = [
  { GENERATION: 'v5', counterpart: '@trpc/server', transformers: ['superjson'] },
  { GENERATION: 'v4', counterpart: 'trpc-server-11', transformers: ['', 'superjson'] },
];

function suite({ GENERATION, counterpart }, transformer) {
  const arrives = transformer ? (value) => value : overJSON;
  const using = transformer ? 'superjson' : 'no transformer';
  return {
    counterpart,
    start: async () => {
      const admin = await startAdmin({ GENERATION, TRPC_TRANSFORMER: transformer });
      const { value: session } = await k6(({ login }) => login(), admin.env);
      return { ...admin, session };
    },
    cases: {
      ...each(inputs, (name, input) => [
        `${using}: query() analytics.${name}`, async ({ env, session }) => {
          const { value, error, metrics } = await k6(
            ({ query }, session, name, input, sample, show) => show(sample(query(session, name, input))),
            env, session, `analytics.${name}`, input, sample, show);
          equal(error, undefined);
          equal(value, show(sample(arrives(queries[name][1](input)))));
          const latency = metrics[name.startsWith('export') ? 'csv_export_latency' : 'analytics_latency'];
          deepEqual([latency.values.count, metrics.error_rate.values.passes], [1, 0]);
        }]),

      [`${using}: query() whose answer nobody reads`]: async ({ env, session }) => {
        const { value } = await k6(({ query }, session, input) => query(session, 'analytics.exportTaps', input, { responseType: 'none' }),
          env, session, inputs.exportTaps);
        equal(value, null);
      },

      [`${using}: query() without a session, after a login in the same VU`]: async ({ env }) => {
        const { error, metrics } = await k6(({ login, query }) => {
          login();
          query(null, 'analytics.eventSummary', {});
        }, env);
        deepEqual(error, unauthorized('analytics.eventSummary', `query: GET ${env.ADMIN_URL}/api/trpc/analytics.eventSummary: `));
        equal(metrics.error_rate.values.passes, 1);
      },

      [`${using}: query() and batch() with each wrong input`]: async ({ env, session }) => {
        for (const table of transformer ? [wrong, dates] : [wrong]) {
          const { value, error } = await k6(refusals, env, session, table);
          equal(error, undefined);
          const want = table().map(([name, , words]) => ['BAD_REQUEST', 400, `analytics.${name}`, words]);
          deepEqual(value, { queries: want, entries: want });
        }
      },

      ...(!transformer && {
        [`${using}: a Date is a string when it arrives`]: async ({ env, session }) => {
          const { value } = await k6(({ query }, session, dates) => query(session, 'analytics.kpis', dates()[0][1]).activeEvents, env, session, dates);
          equal(value, 3);
        },
      }),

      [`${using}: TRPC_TRANSFORMER that says otherwise`]: async ({ env, session }) => {
        const [has, said] = transformer ? ['superjson', 'none'] : ['none', 'superjson'];
        const { value, error } = await k6(({ query }, session, input) => query(session, 'analytics.kpis', input),
          { ...env, TRPC_TRANSFORMER: said }, session, inputs.kpis);
        equal(value, undefined);
        match(error.message, RegExp(`: the server's transformer is ${has}, but TRPC_TRANSFORMER \\(the option transformer\\) says ${said}\\.`));
      },

      [`${using}: query() of a procedure that there isn't`]: async ({ env, session }) => {
        const { error } = await k6(({ query }, session) => query(session, 'analytics.nothing', {}), env, session);
        deepEqual([error.code, error.status, error.procedure], ['NOT_FOUND', 404, 'analytics.nothing']);
      },

      [`${using}: batch() that is all well`]: async ({ env, session }) => {
        const { value } = await k6(({ batch }, session, inputs, show) =>
          show(batch(session, Object.entries(inputs).map(([name, input]) => [`analytics.${name}`, input]))),
        env, session, withoutExport, show);
        equal(value, show(Object.entries(withoutExport).map(([name, input]) => arrives(queries[name][1](input)))));
      },

      [`${using}: batch() with mixed outcomes`]: async ({ env, session }) => {
        const { value, metrics } = await k6(({ batch }, session, eventId) => batch(session, [
          ['analytics.tapsByHour', { eventId, hours: 1 }], ['analytics.tapsByHour', { eventId, hours: 0 }], ['exotic.nothing'], ['echo', 'x'],
        ]).map((entry) => (entry instanceof Error ? entry.code : entry.length)), env, session, eventId);
        deepEqual(value, [1, 'BAD_REQUEST', 'NOT_FOUND', 1]);
        deepEqual([metrics.error_rate.values.passes, metrics.error_rate.values.fails], [2, 2]);
      },

      [`${using}: batch() without a session`]: async ({ env }) => {
        const { value } = await k6(({ batch }) => batch(null, [['analytics.eventSummary', {}], ['analytics.kpis']])
          .map((entry) => ({ message: entry.message, ...entry })), env);
        const names = ['analytics.eventSummary', 'analytics.kpis'];
        deepEqual(value, names.map((name) => unauthorized(name, `GET ${env.ADMIN_URL}/api/trpc/${names}: ${name} `)));
      },

      ...each({ ...values, ...(transformer && besides) }, (title, make) => [
        `${using}: there and back, ${title}`, async ({ env }) => {
          const want = show(arrives(make()));
          deepEqual((await thereAndBack(env, make)).value, [want, want]);
        }]),

      ...each(exceptions[transformer], (title, [make, ...want]) => [
        `${using}: not there and back, ${title}`, async ({ env }) => {
          const { value, error } = await thereAndBack({ ...env, TRPC_TRANSFORMER: transformer || 'none' }, make);
          if (want[0] instanceof RegExp) match(String(error?.message), want[0]);
          else deepEqual(value, want);
        }]),

      ...(transformer && {
        [`${using}: a map, a set, a URL, a RegExp and an Error stay as their JSON`]: async ({ env }) => {
          const { value } = await k6(({ query }) => query(null, 'exotic'), env);
          deepEqual(value, superjson.serialize(exotic()).json);
        },
      }),
    },
  };
}

function each(cases, make) {
  return Object.fromEntries(Object.entries(cases).map(([title, one]) => make(title, one)));
}

/** refusals are what query() throws, and what batch() gives, for inputs that are wrong. */
function refusals({ query, batch }, session, table) {
  const calls = table().map(([name, input]) => [`analytics.${name}`, input]);
  const told = ({ code, status, procedure, message }) => [code, status, procedure, message.replace(/^.*\(400\): /, '')];
  const one = (call) => {
    try {
      return query(session, ...call);
    } catch (error) {
      return told(error);
    }
  };
  return { queries: calls.map(one), entries: batch(session, calls).map(told) };
}

/** sample is an answer itself, but for an export: how many rows, and each 500th of them. */
function sample(answer) {
  return answer.length > 1000 ? [answer.length, ...answer.filter((_, i) => i % 500 === 0)] : answer;
}

/** thereAndBack is a value as the server sees it, and as it comes back. */
function thereAndBack(env, make) {
  return k6(({ query }, make, show) => [query(null, 'seen', make()), show(query(null, 'echo', make()))], env, make, show);
}

const { exportTaps, ...withoutExport } = inputs;

export default generations.flatMap((one) => one.transformers.map((transformer) => suite(one, transformer)));
