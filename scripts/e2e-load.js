// The whole system under load: five scenarios at once, six plateaus of taps from 500 to 10,000 a second.
//
//   ./k6 run scripts/e2e-load.js                                        the full profile, 13 minutes
//   ./k6 run -e SCALE=0.1 -e TIME_SCALE=0.1 scripts/e2e-load.js         the same, a tenth of the taps in a tenth of the time
//
// Settings come from the environment or -e; docs/settings.md lists them. Missing ones stop the run before any load.
import { sleep } from 'k6';
import exec from 'k6/execution';
import { attempt, flushTaps, plateaus, preflight, query, queueDepth, reconcile, report, taps, thresholds } from 'k6/x/sparkmotion';

const SCALE = factor('SCALE'); // of the taps' rates
const TIME_SCALE = factor('TIME_SCALE'); // of every scenario's duration

const lasting = (s) => `${Math.round(s * TIME_SCALE * 1000)}ms`;
const scaled = (n) => Math.max(1, Math.round(n * SCALE));
const whole = lasting(13 * 60);
const RATES = [500, 1000, 2500, 5000, 7500, 10000].map(scaled); // taps/s
const PEAK = RATES.at(-1);
const TAPS = Math.ceil(PEAK / 500); // per iteration: k6 starts 500 iterations a second with little effort, but not 10,000
const VUS = Math.ceil((PEAK / TAPS) * 0.2); // enough at the peak for answers of 200 ms: redirects fail from 100 on.
// All are there from the start: k6 would otherwise create them mid-run, when it is busiest

export const options = {
  scenarios: {
    tappers: tappers('runTapper'),
    ...(__ENV.DIRECT_URL && { directTappers: tappers('runDirectTapper') }), // as many again, by direct links
    admins: { executor: 'constant-vus', exec: 'runAdmin', vus: 10, duration: whole },
    exporters: { executor: 'constant-vus', exec: 'runExporter', vus: 2, duration: whole },
    cron_trigger: { executor: 'constant-arrival-rate', exec: 'runCron', ...every(15), duration: whole },
    queue_sampler: { executor: 'constant-arrival-rate', exec: 'sampleQueue', ...every(30), duration: whole },
  },
  thresholds: thresholds(),
  setupTimeout: '3m', // preflight flushes what the last run left
  teardownTimeout: '2m', // reconcile waits for the last flush
  cloud: {
    name: 'SparkMotion end to end',
    // k6 also reads it from the environment, k6-operator only here
    ...(__ENV.K6_CLOUD_PROJECT_ID && { projectID: Number(__ENV.K6_CLOUD_PROJECT_ID) }),
    ...(__ENV.PRIVATE_LOAD_ZONE && { distribution: { own: { loadZone: __ENV.PRIVATE_LOAD_ZONE, percent: 100 } } }),
  },
  summaryTrendStats: ['avg', 'min', 'med', 'p(90)', 'p(95)', 'p(99)', 'max', 'count'],
};

function tappers(exec) {
  return {
    executor: 'ramping-arrival-rate',
    exec,
    ...plateaus({
      rates: RATES,
      taps: TAPS,
      hold: lasting(120),
      rampDown: lasting(30),
    }),
    preAllocatedVUs: VUS,
  };
}

function factor(name, n = Number(__ENV[name] || 1)) {
  if (n > 0 && n < Infinity) return n;
  throw new Error(`${name} must be a number above 0, such as 0.1, got "${__ENV[name]}"`);
}

// One iteration every so many seconds; a second VU steps in when an answer takes longer than that. Both are there from the
// start: the segment of a run that has only the second would drop its first iteration.
function every(s) {
  return { rate: 1, timeUnit: `${s}s`, preAllocatedVUs: 2 };
}

export function setup() {
  return preflight({ queries: [...dashboard(), exported()], renew: true }); // with the session that it logged in to
}

export function runTapper() {
  taps(TAPS);
}

export function runDirectTapper() {
  taps(TAPS, { form: 'direct' });
}

// A request that fails is counted; the next ones and the pause follow all the same.
export function runAdmin({ session }) {
  for (const [procedure, input] of dashboard()) {
    attempt(() => query(session, procedure, input));
  }
  sleep(5);
}

export function runExporter({ session }) {
  attempt(() => query(session, ...exported(), { responseType: 'none' }));
  sleep(30);
}

// What a dashboard shows: the last 24 hours, of one event.
function dashboard() {
  const eventId = __ENV.LOADTEST_EVENT_ID;
  return [
    ['analytics.kpis', day()],
    ['analytics.velocityHistory', { eventId }],
    ['analytics.eventSummary', { eventId }],
    ['analytics.tapsByHour', { eventId, hours: 24 }],
  ];
}

function exported() {
  return ['analytics.exportTaps', { eventId: __ENV.LOADTEST_EVENT_ID, ...day() }];
}

export function runCron() {
  attempt(() => flushTaps());
}

export function sampleQueue() {
  attempt(() => queueDepth());
}

export function teardown() {
  attempt(() => reconcile()); // waits for the taps that are still on their way to the queue
}

export function handleSummary(data) {
  return report(data);
}

// What k6 runs when an option of its command line has replaced the scenarios, which name their own.
export default function () {
  exec.test.abort('--vus, --duration and --iterations replace the scenarios: use SCALE and TIME_SCALE');
}

// Times are ISO strings: a Date would arrive as one, and be refused.
function day() {
  const to = Date.now();
  return { from: new Date(to - 24 * 3600 * 1000).toISOString(), to: new Date(to).toISOString() };
}
