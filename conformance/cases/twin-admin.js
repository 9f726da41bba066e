// The twin's Admin beside the real one: the same requests to both, and the answers compared.
import superjson from 'superjson';
import { startAdmin } from '../admin.js';
import { events, organisation } from '../admin/events.js';
import { differences, holds } from '../differences.js';
import { startTwin } from '../twin.js';

const [{ id: eventId, windows }] = events;
const day = wide();
const login = '/api/auth/callback/credentials';

/** What a visitor sends: a form to log in with, changed in some way; a request that holds a session; one as a browser. */
const form = (change) => ({ csrf, token, right }) => ({ cookie: csrf, form: { ...right, csrfToken: token, ...change } });
const member = (what) => ({ session }) => ({ cookie: session, ...what });
const browser = (request) => (visitor) => ({ ...request(visitor), headers: { 'X-Auth-Return-Redirect': '1' } });
const without = (name, request) => (visitor) => request({ ...visitor, [name]: '' });

/** Requests: a path, and what a visitor with {token, csrf, session, right: credentials} sends there. */
const requests = {
  'csrf': ['/api/auth/csrf'],
  'csrf, with its cookie': ['/api/auth/csrf', ({ csrf }) => ({ cookie: csrf })],
  'csrf, with a forged cookie': ['/api/auth/csrf', () => ({ cookie: 'admin-auth.csrf-token=a%7Cb' })],
  'providers': ['/api/auth/providers'],
  'signin': ['/api/auth/signin'],
  'error, a page': ['/api/auth/error?error=Configuration'],
  'an action that there isn\'t': ['/api/auth/nothing'],

  'login': [login, form()],
  'login, as the extension': [login, form({ json: 'true', callbackUrl: '/' })],
  'login, to elsewhere on this site': [login, form({ callbackUrl: '/events?a=b' })],
  'login, to another site': [login, form({ callbackUrl: 'https://evil.example/' })],
  'login, as Auth.js in a browser': [login, browser(form())],
  'login, as JSON': [login, ({ csrf, token, right }) => ({ cookie: csrf, json: { ...right, csrfToken: token } })],
  'login, wrong password': [login, form({ password: 'not the password' })],
  'login, a password that is too short': [login, form({ password: 'x' })],
  'login, wrong password, in a browser': [login, browser(form({ password: 'x' }))],
  'login, no password': [login, ({ csrf, token, right }) => ({ cookie: csrf, form: { email: right.email, csrfToken: token } })],
  'login, unknown email': [login, form({ email: 'a@b.c' })],
  'login, no CSRF cookie': [login, without('csrf', form())],
  'login, a wrong CSRF token': [login, form({ csrfToken: 'x' })],
  'login, an empty CSRF token': [login, without('token', form())],
  'login, an empty CSRF token, in a browser': [login, browser(without('token', form()))],
  'login, no body': [login, ({ csrf }) => ({ cookie: csrf, method: 'POST' })],
  'login, by GET': [login, ({ csrf }) => ({ cookie: csrf })],

  'session': ['/api/auth/session', member()],
  'session, none': ['/api/auth/session'],
  'session, garbage': ['/api/auth/session', () => ({ cookie: 'admin-auth.session-token=garbage' })],
  'session, forged': ['/api/auth/session', ({ session }) => ({ cookie: `${session}x` })],

  ...Object.fromEntries(Object.entries({
    'kpis': ['kpis', wide()],
    'velocityHistory': ['velocityHistory', { eventId }],
    'eventSummary': ['eventSummary', { eventId }],
    'tapsByHour': ['tapsByHour', { eventId, hours: 24 }],
    'exportTaps': ['exportTaps', { eventId, ...wide() }],
    'kpis, of one event and organisation': ['kpis', { ...wide(), to: new Date().toISOString(), eventId, orgId: organisation.id }],
    'eventSummary, of a window and a time': ['eventSummary', { eventId, windowId: 'w', ...wide() }],
    'tapsByHour, as long as it is by default': ['tapsByHour', { eventId }],
    'tapsByHour, of no event': ['tapsByHour', { eventId: 'nobody\'s', hours: 3 }],
    'exportTaps, of all events': ['exportTaps', wide()],
    'times with an offset': ['kpis', { from: '2026-03-01T00:00:00+01:00', to: '2099-03-01T00:00:00.5-05:30' }],
    'times without one': ['kpis', { from: '2026-03-01T00:00:00', to: '2026-03-01 00:00:00Z' }],
    'times that are dates': ['kpis', { from: new Date(day.from), to: new Date(day.to) }],
    'an optional time that is a date': ['eventSummary', { eventId, from: new Date(day.from) }],
    'optional fields that are null': ['kpis', { ...wide(), eventId: null, orgId: null }],
    'no event': ['eventSummary', {}],
    'an extra field': ['velocityHistory', { eventId, more: 1 }],
    'a missing field': ['kpis', { from: day.from }],
    'all fields missing': ['exportTaps', {}],
    'a wrong type': ['tapsByHour', { eventId: 5, hours: '24' }],
    'null fields': ['tapsByHour', { eventId: null, hours: null }],
    'a bad date': ['kpis', { from: 'yesterday', to: '2026-03-01' }],
    'an empty string': ['velocityHistory', { eventId: '' }],
    'hours that are no whole number': ['tapsByHour', { eventId, hours: 1.5 }],
    'too few hours': ['tapsByHour', { eventId, hours: 0 }],
    'too many hours': ['tapsByHour', { eventId, hours: 169 }],
    'an array': ['kpis', [1]],
    'a string': ['kpis', 'x'],
    'null': ['kpis', null],
    'no input': ['kpis', undefined],
  }).flatMap(([title, [procedure, input]]) => [
    [`query, ${title}`, [`/api/trpc/analytics.${procedure}`, member({ input })]],
  ])),
  'query, windows.list': ['/api/trpc/windows.list', member({ input: { eventId } })],
  'query, windows.list, of no event': ['/api/trpc/windows.list', member({ input: { eventId: 'nobody\'s' } })],
  'query, windows.toggle': ['/api/trpc/windows.toggle', member({ input: { id: windows.POST, isActive: true } })],
  'mutation, windows.toggle': ['/api/trpc/windows.toggle', member({ mutation: { id: windows.POST, isActive: true } })],
  'mutation, windows.toggle, no session': ['/api/trpc/windows.toggle', () => ({ mutation: { id: windows.POST, isActive: true } })],
  'mutation, windows.toggle, wrong types': ['/api/trpc/windows.toggle', member({ mutation: { id: 5, isActive: 'true' } })],
  'mutation, windows.toggle, no input': ['/api/trpc/windows.toggle', member({ method: 'POST' })],
  'mutation, windows.list': ['/api/trpc/windows.list', member({ mutation: { eventId } })],
  'query, no envelope': [`/api/trpc/analytics.kpis?input=${encodeURIComponent(JSON.stringify(day))}`, member()],
  'query, no session': ['/api/trpc/analytics.eventSummary', () => ({ input: { eventId } })],
  'query, no session and bad input': ['/api/trpc/analytics.kpis', () => ({ input: {} })],
  'query, input that is no JSON': ['/api/trpc/analytics.kpis?input=%7Bx', member()],
  'query, input that is no JSON, no session': ['/api/trpc/analytics.kpis?input=%7Bx'],
  'query, empty input': ['/api/trpc/analytics.kpis?input=', member()],
  'query, unknown': ['/api/trpc/analytics.nothing', member({ input: {} })],
  'query, unknown, no session': ['/api/trpc/nothing'],
  'query, nothing': ['/api/trpc/'],
  'query, by POST': ['/api/trpc/analytics.eventSummary', member({ json: {} })],
  'query, by POST, no session': ['/api/trpc/analytics.eventSummary', () => ({ json: {} })],
  'query, unknown, by POST': ['/api/trpc/nothing', () => ({ json: {} })],
  'query, by HEAD': ['/api/trpc/analytics.eventSummary', member({ method: 'HEAD' })],
  'batch': ['/api/trpc/analytics.eventSummary,analytics.kpis', member({ batch: { 0: { eventId }, 1: wide() } })],
  'batch, mixed': ['/api/trpc/analytics.eventSummary,analytics.kpis,nothing', member({ batch: { 0: { eventId }, 1: {} } })],
  'batch, all wrong alike': ['/api/trpc/analytics.kpis,analytics.kpis', member({ batch: { 0: {}, 1: {} } })],
  'batch, no session': ['/api/trpc/analytics.eventSummary,analytics.kpis', () => ({ batch: { 0: { eventId }, 1: wide() } })],
  'batch, of one': ['/api/trpc/analytics.eventSummary', member({ batch: { 0: { eventId } } })],
  'batch, inputs beyond the procedures': ['/api/trpc/analytics.eventSummary', member({ batch: { 0: { eventId }, 7: {} } })],
  'batch, no inputs': ['/api/trpc/analytics.kpis,analytics.kpis?batch=1', member()],
  'batch, input that is no object': ['/api/trpc/analytics.kpis,analytics.kpis?batch=1&input=5', member()],
  'batch, input that is no JSON': ['/api/trpc/analytics.kpis,analytics.kpis?batch=1&input=%7Bx', member()],
  'batch, input that is no JSON, no session': ['/api/trpc/analytics.kpis,analytics.kpis?batch=1&input=%7Bx'],
  'two procedures, no batch': ['/api/trpc/analytics.eventSummary,analytics.kpis', member()],
};

/** The places in which the twin differs and may; twin/README.md says so too. */
const known = {
  // It has the actions that a login needs, and no more.
  'error, a page': ['/status', '/headers/content-type', '/cookies/0', '/cookies/1', '/body'],
  'an action that there isn\'t': ['/status', '/headers/content-type', '/body'],
  'login, by GET': ['/status', '/headers/content-type', '/headers/location', '/headers/allow', '/body'],
  // It reads JSON in its own way, so these words are Go's.
  'query, input that is no JSON': ['/body/error/message'],
  'query, input that is no JSON, no session': ['/body/error/message'],
  'query, empty input': ['/body/error/message'],
  'batch, input that is no JSON': ['/body/error/message'],
  'batch, input that is no JSON, no session': ['/body/error/message'],
  // The Admin here has one more, for login({ provider }).
  'providers': ['/body/badge'],
  // It is no Next.js, which takes off the slash first.
  'query, nothing': ['/status', '/headers/content-type', '/headers/location', '/body'],
};

for (const title of Object.keys(known)) if (!requests[title]) throw new Error(`no request is called "${title}"`);

/** A span that the twin's history is in. */
function wide() {
  return { from: new Date(Date.now() - 2 * 86_400_000).toISOString(), to: new Date(Date.now() + 86_400_000).toISOString() };
}

function suite(transformer) {
  return {
    counterpart: transformer ? 'superjson' : 'next-auth',
    start: async () => {
      const [admin, twin] = await Promise.all([
        startAdmin({ COOKIE_PREFIX: 'admin-auth', TRPC_TRANSFORMER: transformer }),
        startTwin('-bands', '100', `-superjson=${transformer === 'superjson'}`),
      ]);
      const [real, local] = await Promise.all([visitor(admin.env), visitor(twin.env)]);
      return { real, local, stop: () => Promise.all([admin.stop(), twin.stop()]) };
    },
    cases: { ...Object.fromEntries(Object.entries(requests).map(([title, [path, what = () => ({})]]) => [
      `the twin's ${title}`, async ({ real, local }) => {
        const [a, b] = [await ask(real, path, what(real), transformer), await ask(local, path, what(local), transformer)];
        holds(differences(a, b), known[title]);
      }])), ...locked },
  };
}

/** locked comes last: nobody can log in after it. */
const locked = {
  'the twin\'s login, the right password after five that were wrong': async ({ real, local }) => {
    for (let n = 0; n < 5; n++) await Promise.all([real, local].map((one) => ask(one, login, form({ password: 'not the password' })(one))));
    const [a, b] = await Promise.all([real, local].map((one) => ask(one, login, form()(one))));
    holds(differences(a, b));
  },
};

/** visitor is someone who has fetched a CSRF token and logged in. */
async function visitor({ ADMIN_URL, TEST_EMAIL: email, TEST_PASSWORD: password }) {
  const origin = ADMIN_URL.replace('127.0.0.1', 'localhost'); // as which Next.js shows every loopback address
  const right = { email, password };
  const first = await fetch(`${origin}/api/auth/csrf`);
  const { csrfToken: token } = await first.json();
  const csrf = pairs(first);
  const second = await send(origin, login, { cookie: csrf, form: { ...right, csrfToken: token } });
  const session = pairs(second, 'session-token');
  return { origin, right, token, csrf, session };
}

function pairs(response, like = '') {
  return response.headers.getSetCookie().map((line) => line.split(';')[0]).filter((pair) => pair.includes(like)).join('; ');
}

function send(origin, path, { cookie, form, mutation, json, input, batch, method, headers = {} }, transformer) {
  const url = new URL(path, origin);
  const encode = (value) => (transformer ? superjson.serialize(value) : value);
  if (input !== undefined) url.searchParams.set('input', JSON.stringify(encode(input)));
  if (batch) {
    url.searchParams.set('batch', '1');
    url.searchParams.set('input', JSON.stringify(Object.fromEntries(Object.entries(batch).map(([i, one]) => [i, encode(one)]))));
  }
  if (mutation) json = encode(mutation);
  const body = form ? new URLSearchParams(form) : json && JSON.stringify(json);
  return fetch(url, {
    method: method ?? (body ? 'POST' : 'GET'), body, redirect: 'manual',
    headers: { ...(cookie && { cookie }), ...(json && { 'content-type': 'application/json' }), ...headers },
  });
}

/** What Next.js adds to each answer's Vary, and the twin is no Next.js. */
const nextVaries = /^(rsc|next-.*|accept-encoding)$/i;

/** ask gives an answer in a form in which two of the same kind are equal: without what is new each time. */
async function ask({ origin }, path, what, transformer) {
  const response = await send(origin, path, what, transformer);
  const text = (await response.text()).replaceAll(origin, 'ORIGIN');
  const headers = Object.fromEntries(['content-type', 'location', 'cache-control', 'expires', 'pragma', 'allow']
    .map((name) => [name, response.headers.get(name)?.replaceAll(origin, 'ORIGIN').replaceAll(encodeURIComponent(origin), 'ORIGIN')]));
  headers.vary = response.headers.get('vary')?.split(', ').filter((name) => !nextVaries.test(name)).join() || undefined;
  return { status: response.status, headers, cookies: cookies(response, origin), body: normal(text) };
}

/** cookies are an answer's, by name and with sorted attributes. */
function cookies(response, origin) {
  return response.headers.getSetCookie().map((line) => {
    const [pair, ...attributes] = line.replaceAll(encodeURIComponent(origin), 'ORIGIN')
      .replace(/(csrf-token|session-token)=[^;]+/, '$1=VALUE').replace(/Expires=[^;]+/, 'Expires=TIME').split('; ');
    return [pair, ...attributes.sort()].join('; ');
  }).sort();
}

function normal(text) {
  let body;
  try {
    body = JSON.parse(text);
  } catch {
    return text === '' ? '' : text.replace(/[^]*/, (page) => (page.includes('<html') || page.includes('<!') ? 'PAGE' : page));
  }
  const one = (part) => (part?.result ? { result: { data: shape(part.result.data) } } : issues(part));
  if (body?.csrfToken) body.csrfToken = 'TOKEN';
  if (body?.expires) body.expires = shape(body.expires);
  return Array.isArray(body) ? body.map(one) : one(body);
}

/** issues unpacks Zod's list out of an error's message. */
function issues(part) {
  const error = part?.error?.json ?? part?.error;
  if (error?.message.startsWith('[')) error.message = JSON.parse(error.message);
  return part;
}

/** shape is what kind of value it is: of an array the first element's, of a map with numbered keys N. */
function shape(value) {
  if (Array.isArray(value)) return value.length > 0 ? [shape(value[0])] : [];
  if (value && typeof value === 'object') {
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key.replace(/^\d+\./, 'N.'), key === 'v' ? one : shape(one)]));
  }
  if (typeof value === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(value)) return 'ISO time';
  return value === null ? null : typeof value;
}

export default ['', 'superjson'].map(suite);
