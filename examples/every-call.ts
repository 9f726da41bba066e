// Every call of k6/x/sparkmotion with all its options, in TypeScript, which k6 runs directly:
//
//   ./k6 run examples/every-call.ts
//
// `make types` checks it against index.d.ts and @types/k6. Editors check it when they find both: see docs/primitives.md.
// Settings: as for e2e-load.js, with DIRECT_URL and Upstash's.
import { check, fail } from 'k6';
import http from 'k6/http';
import type { Options } from 'k6/options';
import sparkmotion, {
  applySession, attempt, audit, bandID, batch, findCapacity, flushTaps, guard, login, mutate, plateaus, preflight, probeTaps, query,
  queueDepth, reconcile, report, tap, taps, thresholds, Upstash,
} from 'k6/x/sparkmotion';
import type {
  AuditFinding, AuditOutcome, BandOptions, Capacity, Flushed, Ledger, QueryError, QueueOptions, RedisCommand, RedisError, RedisValue,
  Session, SessionCookie, TapOptions,
} from 'k6/x/sparkmotion';

const { WORKER_URL, DIRECT_URL, HUB_URL, ADMIN_URL, ALLOWED_HOSTS, PAGE_HOST, TEST_EMAIL, TEST_PASSWORD, CRON_SECRET } = __ENV;
const { UPSTASH_REDIS_REST_URL, UPSTASH_REDIS_REST_TOKEN, REDIS_URL } = __ENV;
const { LOADTEST_EVENT_ID: eventId, LOADTEST_ORG_ID: orgID } = __ENV;
const eventIDs = __ENV.LOADTEST_EVENT_IDS.split(',');
const count = Number(__ENV.LOADTEST_BANDS || 200_000); // bands of each event
const fallbackHost = ['sparkmotion.io', 'sparkmotion.net'];

export const options: Options = {
  scenarios: {
    tappers: {
      executor: 'ramping-arrival-rate',
      exec: 'tappers',
      preAllocatedVUs: 10,
      ...plateaus({ rates: [10, 20], hold: '1s', rampDown: 500, taps: 1 }),
    },
    calls: { executor: 'per-vu-iterations', exec: 'calls', vus: 1, iterations: 1 },
    search: { executor: 'per-vu-iterations', exec: 'search', vus: 1, iterations: 1, startTime: '3s' },
    probes: { executor: 'constant-arrival-rate', exec: 'probes', rate: 20, duration: '9s', preAllocatedVUs: 10, startTime: '3s' },
  },
  thresholds: {
    ...thresholds({
      redirect_latency: { warn: 400, fail: 500 }, analytics_latency: 8000, csv_export_latency: null, kv_hit_rate: 0.9,
      error_rate: 0.5, cron_errors: 0.5, cron_drop_rate: 0.01, taps_lost: 0.01, // a batch has an error on purpose
    }),
    checks: ['rate==1'],
  },
  setupTimeout: '3m',
  teardownTimeout: '10m',
};

export function setup(): { session?: Session } {
  guard(WORKER_URL, { allowedHosts: ALLOWED_HOSTS });
  login({ url: ADMIN_URL, email: TEST_EMAIL, password: TEST_PASSWORD, timeout: '10s' });
  login({ renew: true, provider: 'credentials', fields: { totp: '123456', otp: null } });
  return preflight({
    parts: ['worker', 'admin', 'hub', 'queue'], allowedHosts: ALLOWED_HOSTS, timeout: '10s',
    workerURL: WORKER_URL, directURL: DIRECT_URL, pageHost: PAGE_HOST, fallbackHost, protocol: 'http/1.1',
    adminURL: ADMIN_URL, email: TEST_EMAIL, password: TEST_PASSWORD, renew: true, transformer: '',
    eventID: eventId, eventIDs, orgID, bands: count, queries: [['analytics.kpis', lastHour()], ['windows.list', { eventId }]],
    hubURL: HUB_URL, secret: CRON_SECRET,
    upstashURL: UPSTASH_REDIS_REST_URL, token: UPSTASH_REDIS_REST_TOKEN, redisURL: REDIS_URL,
  });
}

export function tappers(): void {
  const bands: BandOptions = { prefixes: ['LOADTEST-E1-', 'LOADTEST-E2-'], count, distribution: 'zipf', seed: 7 };
  const how: TapOptions = {
    band: bandID(bands), utm: 1, pageHost: PAGE_HOST, fallbackHost, path: '/e', param: 'bandId', status: 302,
    query: { lang: 'en' }, headers: { 'Accept-Language': 'en' }, cookie: 'lang=en', protocol: 'http/1.1', connection: 'kept', timeout: 5000,
  };
  const redirected: boolean = tap({ ...how, form: 'subdomain', url: WORKER_URL });
  const directly: boolean = tap({ ...how, form: 'direct', directURL: DIRECT_URL, orgID, eventIDs });
  const two: number = taps(2, { protocol: 'h2', arrivals: 'even', seed: 7 });
  const phone: boolean = tap({ connection: 'new', parts: ['http_req_duration', 'http_req_failed'] });
  const led: string | null = tap({ location: true });
  check(null, { 'taps are redirected': () => redirected && directly && phone && two === 2 && led !== null });
}

// All of two rates is tried, and the higher one held: nothing is to break here.
export function search(): void {
  const found: Capacity = findCapacity({ start: 30, most: 60, settle: '100ms', hold: 500, confirm: '1s', time: '12s' });
  check(found, { 'a rate is known to hold': ({ rate, low, high }) => low === null || rate === null || (rate === low && (high === null || high > low)) });
}

export function probes(): void {
  probeTaps({ utm: 0 });
}

interface Kpis {
  totalTaps: number;
  uniqueBands: number;
  activeEvents: number;
}

interface EventSummary {
  bandCount: number;
  tapCount: number;
}

interface EventWindow {
  id: string;
  isActive: boolean;
}

export function calls({ session }: { session: Session }): void {
  const kpis = query<Kpis>(session, 'analytics.kpis', lastHour(), { url: ADMIN_URL, transformer: '', timeout: '10s' });
  query(session, 'analytics.exportTaps', { eventId, ...lastHour() }, { responseType: 'none' });
  const [summary, unknown] = batch(session, [['analytics.eventSummary', { eventId }], ['analytics.nothing']]);
  const { bandCount } = summary as EventSummary;
  check(unknown as QueryError, {
    'kpis are numbers': () => kpis.totalTaps >= kpis.uniqueBands && kpis.activeEvents >= 0,
    'a batch gives data, and an error in its place': (e) => bandCount > 0 && e.code === 'NOT_FOUND',
    'an error says what and how': (e) => e.status === 404 && e.procedure === 'analytics.nothing',
    'the session says whose it is': () => session.user.email === TEST_EMAIL && session.cookie.includes(session.name),
    'the session lasts': () => session.renew === true && Date.parse(session.expires) > Date.now(),
  });
  tap({ band: 'LOADTEST-E3-004711', audit: true });
  page(session);
  windows(session);
  queue();
  upstash();
}

// k6/http asks in the session, by the VU's jar and by one of its own.
function page(session: Session): void {
  const jar = new http.CookieJar();
  applySession(session);
  applySession(session, jar);
  const [usual, own] = [{}, { jar }].map((how) => http.get(`${session.url}/api/auth/session`, how).json('user.email'));
  const cookies: SessionCookie[] = session.cookies;
  check(cookies, {
    'k6/http has the session': () => usual === TEST_EMAIL && own === TEST_EMAIL,
    'and its cookies say where they go': () => cookies.every(({ name, value, domain, path, expires, secure }) =>
      name.startsWith(session.name) && value !== '' && domain === '' && path === '/' && Date.parse(expires) > Date.now() && !secure),
  });
}

// Sets a window to what it is already: the event keeps its page.
function windows(session: Session): void {
  const [{ id, isActive }] = query<EventWindow[]>(session, 'windows.list', { eventId });
  const set = mutate<EventWindow>(session, 'windows.toggle', { id, isActive }, { url: ADMIN_URL, responseType: 'json' });
  check(set, { 'a mutation gives its data': () => set.id === id && set.isActive === isActive });
}

function queue(): void {
  const sample: QueueOptions = {
    url: UPSTASH_REDIS_REST_URL, token: UPSTASH_REDIS_REST_TOKEN, redisURL: REDIS_URL, key: 'tap-log:pending', timeout: '5s',
  };
  const waiting: number | null = queueDepth(sample);
  const sampled: number | null | undefined = attempt(() => queueDepth(sample));
  const flush: Flushed = flushTaps({ url: HUB_URL, secret: CRON_SECRET, timeout: '1m' });
  const { success, batches, failedBatches, dropped, remaining, durationMs } = flush;
  check(flush, {
    'the queue is read': () => waiting !== null && waiting >= 0,
    'an attempt that succeeds gives what it attempts': () => sampled !== undefined,
    'the flush counts': () => success && batches >= 0 && failedBatches === 0 && remaining >= 0 && durationMs >= 0,
    'no tap is dropped': () => dropped === 0,
    'the default export is the same': () => sparkmotion.flushTaps().flushed >= 0,
  });
}

function upstash(): void {
  const redis = new Upstash({ url: UPSTASH_REDIS_REST_URL, token: UPSTASH_REDIS_REST_TOKEN, timeout: '5s' });
  const pong: RedisValue = redis.command(['PING']);
  const wrong: RedisCommand = ['INCR', 'examples:text'];
  const [, error] = redis.pipeline([['SET', 'examples:text', 'a', 'EX', 60], wrong]);
  const [one, big] = redis.transaction([
    ['INCR', 'examples:n'], ['INCRBY', 'examples:n', '9007199254740992'], ['DEL', 'examples:n', 'examples:text'],
  ]);
  if (!(error instanceof Error)) return fail('INCR of a text is no error');
  check(error as RedisError, {
    'Redis answers': () => pong === 'PONG' && one === 1,
    'an error names its command': (e) => e.command === 'INCR',
    'a large integer is exact': () => big === 9007199254740993n,
  });
}

export function teardown({ session }: { session: Session }): void {
  lookForTap(session);
  settleAccounts();
}

// The tap of calls() is looked for. Those of tappers() are of the same events' bands, and no part of the audit.
function lookForTap(session: Session): void {
  const outcome: AuditOutcome = audit(session, {
    workerURL: WORKER_URL, hubURL: HUB_URL, secret: CRON_SECRET, adminURL: ADMIN_URL, eventIDs, mode: 'live', settle: '2s', timeout: '1m',
  });
  const others: AuditFinding[] = outcome.unexpected.first;
  check(outcome, {
    'the tap is recorded once': ({ taps, once }) => taps === 1 && once === 1,
    'others are named': ({ unexpected }) => others.length <= unexpected.count && others.every(({ band, at }) => band !== '' && at !== ''),
  });
}

// Times are ISO strings: the server refuses a Date.
function lastHour(): { from: string; to: string } {
  const now = Date.now();
  return { from: new Date(now - 3600e3).toISOString(), to: new Date(now).toISOString() };
}

function settleAccounts(): void {
  const ledger: Ledger | null = reconcile({
    url: UPSTASH_REDIS_REST_URL, token: UPSTASH_REDIS_REST_TOKEN, redisURL: REDIS_URL, timeout: '100s',
  });
  check(ledger, {
    'every tap is recorded': (l) => l !== null && l.lost === 0 && l.received >= l.redirected && l.otherTraffic >= 0,
    'and accounted for': (l) => l !== null
      && l.waitingBefore + l.received === l.flushed + l.dropped + l.waiting + l.flushing + l.unaccounted,
  });
}

export function handleSummary(data: object): { stdout: string } {
  return report(data, { name: 'every-call', dir: 'results', title: 'Every call' });
}
