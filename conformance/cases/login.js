// login() against next-auth v5 and v4, in each way that an application names and cuts its cookies.
import { deepEqual, equal, match } from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { startAdmin } from '../admin.js';
import { events, user as member } from '../admin/events.js';
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

const user = { ...member, email: 'loadtest@sparkmotion.net' };
const [{ id: eventId }] = events;
const month = 30 * 24 * 3600_000;

function suite({ GENERATION, counterpart, own }, { title, chunks, prefix = () => 'admin-auth', ...variant }) {
  const name = `${prefix(own)}.session-token`;
  return {
    counterpart,
    start: () => startAdmin({ GENERATION, ...variant }),
    cases: {
      [`login(): ${title}`]: async ({ env }) => {
        const { value, error, code, output } = await k6(({ login, query }, eventId) => {
          const session = login();
          return { ...session, bands: query(session, 'analytics.eventSummary', { eventId }).bandCount };
        }, env, eventId);
        equal(error, undefined);
        deepEqual({ name: value.name, user: value.user, bands: value.bands, code, output },
          { name, user, bands: 200_000, code: 0, output: '' });
        deepEqual(cookieNames(value.cookie), chunks ? Array.from({ length: chunks }, (_, i) => `${name}.${i}`) : [name]);
        near(Date.parse(value.expires), Date.now() + month);
      },
      [`applySession(): ${title}`]: async ({ env }) => {
        const { value, error, output } = await k6(({ login, applySession }) => {
          const ask = () => http.get(`${session.url}/api/auth/session`).json('user') ?? null;
          const session = login();
          const nobody = ask();
          applySession(session, http.cookieJar());
          return [nobody, ask(), ask()]; // the answers set the cookies anew
        }, env);
        equal(error, undefined);
        deepEqual([value, output], [[null, user, user], '']);
      },
      [`login(): ${title}, a wrong password`]: async ({ env }) => {
        const { error } = await k6(({ login }) => login(), { ...env, TEST_PASSWORD: 'hush%2B&=' });
        equal(error.message, `login: ${refused(env)}`);
      },
    },
  };
}

function provider({ GENERATION, counterpart }) {
  const said = { v4: 'answered 400 Bad Request', v5: 'answered error "Configuration"' }[GENERATION];
  const byBadge = ({ login }, pin) => login({ provider: 'badge', fields: { number: '4711', pin, email: null, password: null } }).user;
  return {
    counterpart,
    start: () => startAdmin({ GENERATION }),
    cases: {
      'login(): another provider, with fields of its own': async ({ env }) => {
        const { value, error } = await k6(byBadge, env, env.TEST_PASSWORD);
        equal(error, undefined);
        deepEqual(value, user);
      },
      'login(): another provider, a wrong PIN': async ({ env }) => {
        const { error } = await k6(byBadge, env, 'hush');
        equal(error.message, `login: POST ${env.ADMIN_URL}/api/auth/callback/badge: answered that the credentials are wrong ` +
          '(CredentialsSignin for the fields number, pin). Check their names and values: a form without one of them gets this answer too');
      },
      'login(): a provider that there is not': async ({ env }) => {
        const { error } = await k6(({ login }) => login({ provider: 'ldap' }), env);
        equal(error.message, `login: POST ${env.ADMIN_URL}/api/auth/callback/ldap: ${said}, and "ldap" is not a credentials provider: ` +
          '/api/auth/providers lists badge (credentials), credentials (credentials). Set the option provider to badge or credentials');
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
    `(CredentialsSignin for ${user.email}). Check TEST_EMAIL and TEST_PASSWORD: ` +
    'five failures lock the account for 15 minutes, and then the right password gets this answer too';
}

const preflight = {
  counterpart: 'next-auth',
  start: async () => {
    const [admin, twin] = await Promise.all([startAdmin({ COOKIE_PREFIX: 'admin-auth' }), startTwin('-bands', '100')]);
    return { env: { ...twin.env, ...admin.env }, stop: () => Promise.all([admin.stop(), twin.stop()]) };
  },
  cases: {
    'preflight(): the login of an ADMIN, which it gives back, each query and each event\'s bands': async ({ env }) => {
      const { value, error, output } = await k6(({ preflight, query }, eventId) => {
        const { session } = preflight();
        return [session.user, query(session, 'analytics.eventSummary', { eventId }).bandCount];
      }, env, eventId);
      equal(error, undefined);
      deepEqual(value, [user, 200_000]);
      match(output, /✓ admin +login +as loadtest@sparkmotion\.net, ADMIN, cookie admin-auth\.session-token$/m);
      for (const name of ['kpis', 'eventSummary']) match(output, RegExp(`✓ admin +analytics\\.${name} +\\d+ bytes$`, 'm'));
      for (const [name, rows] of [['velocityHistory', 180], ['tapsByHour', 24], ['exportTaps', 50_000]]) {
        match(output, RegExp(`✓ admin +analytics\\.${name} +${rows} rows, \\d+ bytes$`, 'm'));
      }
      for (const { id } of events) match(output, RegExp(`✓ admin +bands of ${id} +200000$`, 'm'));
    },
    'preflight(): a wrong password is the one thing wrong': async ({ env }) => {
      const { error } = await k6((sparkmotion) => sparkmotion.preflight(), { ...env, TEST_PASSWORD: 'hush hush' });
      equal(error.message, `preflight: 9 of 18 probes failed, so no load was sent:\nadmin: login: ${refused(env)}\n` +
        'admin: skipped: there is no session (8 probes)');
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
      const { error } = await k6(({ query }, session, eventId) => query(session, 'analytics.eventSummary', { eventId }), env, session, eventId);
      deepEqual([error?.code, error?.status], ['UNAUTHORIZED', 401]);
      match(error.message, /The session is missing or has expired: log in again$/);
      const { value, output } = await k6(({ query }, session, eventId) => query(session, 'analytics.eventSummary', { eventId }).bandCount,
        env, { ...session, renew: true }, eventId);
      equal(value, 200_000);
      match(output, /The session has expired: logged in again as loadtest@sparkmotion\.net/);
    },
  },
};

const locking = {
  counterpart: 'next-auth',
  start: () => startAdmin(),
  cases: {
    'five wrong passwords lock the account: the right one is then answered as wrong': async ({ env }) => {
      const attempts = ({ login }, passwords) => passwords.map((password) => {
        try {
          return login({ password }).user.email;
        } catch (error) {
          return error.message;
        }
      });
      const wrong = `login: ${refused(env)}`;
      const { value } = await k6(attempts, env, [...Array(4).fill('not the password'), env.TEST_PASSWORD]);
      deepEqual(value, [...Array(4).fill(wrong), user.email]); // four do not, and a login forgets them
      const { value: after } = await k6(attempts, env, [...Array(5).fill('not the password'), env.TEST_PASSWORD]);
      deepEqual(after, Array(6).fill(wrong));
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

export default [expiring, ...generations.map(provider), ...generations.flatMap((one) => variants.map((variant) => suite(one, variant))), preflight, locking];
