// login() against next-auth v5 and v4, in each way that an application names and cuts its cookies.
import { deepEqual, equal, match } from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { startAdmin } from '../admin.js';
import { k6 } from '../k6.js';
import { startTwin } from '../twin.js';

const generations = [
  { GENERATION: 'v5', counterpart: 'next-auth', own: 'authjs' },
  { GENERATION: 'v4', counterpart: 'next-auth-4', own: 'next-auth' },
];

const variants = [
  { title: 'the default names', prefix: (own) => own },
  { title: 'a prefix of its own', COOKIE_PREFIX: 'admin-auth' },
  { title: 'a session in three chunks', COOKIE_PREFIX: 'admin-auth', SESSION_PADDING: '8000', chunks: 3 },
  { title: 'chunks under the default names', SESSION_PADDING: '8000', prefix: (own) => own, chunks: 3 },
  { title: 'https, so __Secure- and __Host-', HTTPS: '1', prefix: (own) => `__Secure-${own}` },
  { title: 'https, chunks', HTTPS: '1', SESSION_PADDING: '8000', prefix: (own) => `__Secure-${own}`, chunks: 3 },
];

const user = { name: 'Load Test', email: 'loadtest@sparkmotion.net', id: 'loadtest', role: 'ADMIN' };
const month = 30 * 24 * 3600_000;

function suite({ GENERATION, counterpart, own }, { title, chunks, prefix = () => 'admin-auth', ...variant }) {
  const name = `${prefix(own)}.session-token`;
  return {
    counterpart,
    start: () => startAdmin({ GENERATION, ...variant }),
    cases: {
      [`login(): ${title}`]: async ({ env }) => {
        const { value, error, code, output } = await k6(({ login, query }) => {
          const session = login();
          return { ...session, events: query(session, 'analytics.eventSummary', {}).length };
        }, env);
        equal(error, undefined);
        deepEqual({ name: value.name, user: value.user, events: value.events, code, output },
          { name, user, events: 2, code: 0, output: '' });
        deepEqual(cookieNames(value.cookie), chunks ? Array.from({ length: chunks }, (_, i) => `${name}.${i}`) : [name]);
        near(Date.parse(value.expires), Date.now() + month);
      },
      [`login(): ${title}, a wrong password`]: async ({ env }) => {
        const { error } = await k6(({ login }) => login(), { ...env, TEST_PASSWORD: 'hush%2B&=' });
        equal(error.message, `login: ${refused(env)}`);
      },
    },
  };
}

function cookieNames(header) {
  return header.split('; ').map((pair) => pair.slice(0, pair.indexOf('=')));
}

function near(got, want) {
  if (!(Math.abs(got - want) < 60_000)) equal(got, want);
}

function refused({ ADMIN_URL }) {
  return `POST ${ADMIN_URL}/api/auth/callback/credentials: answered that the email or the password is wrong ` +
    `(CredentialsSignin for ${user.email}). Check TEST_EMAIL and TEST_PASSWORD`;
}

const preflight = {
  counterpart: 'next-auth',
  start: async () => {
    const [admin, twin] = await Promise.all([startAdmin({ COOKIE_PREFIX: 'admin-auth' }), startTwin()]);
    return { env: { ...twin.env, ...admin.env }, stop: () => Promise.all([admin.stop(), twin.stop()]) };
  },
  cases: {
    'preflight(): the login': async ({ env }) => {
      const { error, output } = await k6((sparkmotion) => sparkmotion.preflight(), env);
      equal(error, undefined);
      match(output, /✓ admin +login and query +as loadtest@sparkmotion\.net, cookie admin-auth\.session-token, analytics\.tapsByHour$/m);
    },
    'preflight(): a wrong password is the one thing wrong': async ({ env }) => {
      const { error } = await k6((sparkmotion) => sparkmotion.preflight(), { ...env, TEST_PASSWORD: 'hush' });
      equal(error.message, `preflight: 1 of 7 probes failed, so no load was sent:\nadmin: login: ${refused(env)}`);
    },
  },
};

const expiring = {
  counterpart: 'next-auth',
  start: () => startAdmin({ SESSION_MAX_AGE: '1' }),
  cases: {
    'a session that has expired, and is renewed': async ({ env }) => {
      const { value: session } = await k6(({ login }) => login(), env);
      await expired(env, session);
      const { error } = await k6(({ query }, session) => query(session, 'analytics.eventSummary', {}), env, session);
      deepEqual([error?.code, error?.status], ['UNAUTHORIZED', 401]);
      match(error.message, /The session is missing or has expired: log in again$/);
      const { value, output } = await k6(({ query }, session) => query(session, 'analytics.eventSummary', {}).length,
        env, { ...session, renew: true });
      equal(value, 2);
      match(output, /The session has expired: logged in again as loadtest@sparkmotion\.net/);
    },
  },
};

/** expired waits until the application no longer knows a session: some 15 s later than it says, a clock's tolerance. */
async function expired({ ADMIN_URL }, { cookie }) {
  for (const deadline = Date.now() + 30_000; Date.now() < deadline; await delay(250)) {
    const answer = await fetch(`${ADMIN_URL}/api/auth/session`, { headers: { cookie } });
    if ((await answer.json()) === null) return;
  }
  throw new Error('the session does not expire');
}

export default [...generations.flatMap((one) => variants.map((variant) => suite(one, variant))), preflight, expiring];
