// Every call of k6/x/sparkmotion with all its options, in TypeScript, which k6 runs as it is:
//
//   ./k6 run examples/every-call.ts
//
// `make types` checks it against index.d.ts and @types/k6. An editor does when it finds both: see docs/primitives.md.
import { check, fail } from 'k6';
import type { Options } from 'k6/options';
import sparkmotion, {
  bandID, batch, flushTaps, login, plateaus, preflight, query, queueDepth, report, tap, taps, thresholds, Upstash,
} from 'k6/x/sparkmotion';
import type {
  BandOptions, Flushed, QueryError, QueueOptions, RedisCommand, RedisError, RedisValue, Session, TapOptions,
} from 'k6/x/sparkmotion';

const { WORKER_URL, HUB_URL, ADMIN_URL, TEST_EMAIL, LOADTEST_EVENT_ID: eventId } = __ENV;
const { UPSTASH_REDIS_REST_URL, TEST_PASSWORD, CRON_SECRET, UPSTASH_REDIS_REST_TOKEN } = __ENV;

export const options: Options = {
  scenarios: {
    tappers: {
      executor: 'ramping-arrival-rate',
      exec: 'tappers',
      preAllocatedVUs: 10,
      ...plateaus({ rates: [10, 20], hold: '1s', rampDown: 500 }),
    },
    calls: { executor: 'per-vu-iterations', exec: 'calls', vus: 1, iterations: 1 },
  },
  thresholds: {
    ...thresholds({
      redirect_latency: 500, analytics_latency: 8000, csv_export_latency: null,
      error_rate: 0.5, kv_hit_rate: 0.9, cron_errors: 0.5, // a batch has an error on purpose
    }),
    checks: ['rate==1'],
  },
};

export function setup(): { session: Session } {
  preflight({
    parts: ['worker', 'admin', 'hub', 'queue'],
    workerURL: WORKER_URL, hubURL: HUB_URL, adminURL: ADMIN_URL, email: TEST_EMAIL, password: TEST_PASSWORD,
    eventID: eventId, secret: CRON_SECRET, pageHost: 'compassion.com', timeout: '10s',
  });
  login({ renew: true });
  return { session: login({ url: ADMIN_URL, email: TEST_EMAIL, password: TEST_PASSWORD, timeout: '10s' }) };
}

export function tappers(): void {
  const bands: BandOptions = { prefixes: ['LOADTEST-E1-', 'LOADTEST-E2-'], count: 200_000, distribution: 'zipf', seed: 7 };
  const how: TapOptions = {
    url: WORKER_URL, band: bandID(bands), utm: 1, pageHost: 'compassion.com', protocol: 'http/1.1', timeout: 5000,
  };
  const redirected: boolean = tap(how);
  const two: number = taps(2, { protocol: 'h2' });
  check(null, { 'taps are redirected': () => redirected && two === 2 });
}

interface Kpis {
  taps: number;
  distinctBands: number;
}

export function calls({ session }: { session: Session }): void {
  const from = new Date(Date.now() - 3600e3), to = new Date();
  const kpis = query<Kpis>(session, 'analytics.kpis', { from, to }, { url: ADMIN_URL, transformer: '', timeout: '10s' });
  query(session, 'analytics.exportTaps', { eventId, from, to }, { responseType: 'none' });
  const [summary, unknown] = batch(session, [['analytics.eventSummary', {}], ['analytics.nothing']]);
  check(unknown as QueryError, {
    'kpis are numbers': () => kpis.taps >= kpis.distinctBands,
    'a batch gives data, and an error in its place': (e) => Array.isArray(summary) && e.code === 'NOT_FOUND',
    'an error says what and how': (e) => e.status === 404 && e.procedure === 'analytics.nothing',
    'the session says whose it is': () => session.user.email === TEST_EMAIL && new Date(session.expires) > to,
  });
  queue();
  upstash();
}

function queue(): void {
  const sample: QueueOptions = {
    url: UPSTASH_REDIS_REST_URL, token: UPSTASH_REDIS_REST_TOKEN, key: 'tap-log:pending', timeout: '5s',
  };
  const waiting: number | null = queueDepth(sample);
  const flushed: Flushed = flushTaps({ url: HUB_URL, secret: CRON_SECRET, timeout: '1m' });
  const { success, batches, failedBatches, remaining, durationMs } = flushed;
  check(flushed, {
    'the queue is read': () => waiting !== null && waiting >= 0,
    'the flush counts': () => success && batches >= 0 && failedBatches === 0 && remaining >= 0 && durationMs >= 0,
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

export function handleSummary(data: object): { stdout: string } {
  return report(data);
}
