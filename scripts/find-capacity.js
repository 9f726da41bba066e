// How many taps a second does the system hold? The rate is doubled until a limit breaks, comes back, and is bisected to 5 %; the answer is
// then held for two minutes. Admins, exports, the cron and the sampler go on beside it, and the limits are those of e2e-load.js.
//
//   ./k6 run scripts/find-capacity.js                                         6 minutes
//   ./k6 run -e TIME_SCALE=0.25 -e START=50 scripts/find-capacity.js          a quarter of every duration: coarser, in 90 seconds
//
// k6 exits 0 with an answer, which its metric capacity has too, and 99 without. The run keeps its length: k6 has no way to end one early
// that is no failure. Settings: as for e2e-load.js.
import { sleep } from 'k6';
import exec from 'k6/execution';
import { attempt, findCapacity, flushTaps, preflight, probeTaps, query, reconcile, report, thresholds } from 'k6/x/sparkmotion';

const TIME_SCALE = positive('TIME_SCALE', 1); // of every duration
const START = positive('START', 100); // taps/s that it begins with
const MOST = positive('MOST', 20000); // taps/s that it never exceeds

thresholds(); // the limits: probes break them on purpose, so that they are none of k6's thresholds

const lasting = (s) => `${Math.round(s * TIME_SCALE * 1000)}ms`;
const whole = lasting(360);

export const options = {
  scenarios: {
    search: { executor: 'per-vu-iterations', exec: 'runSearch', vus: 1, iterations: 1, maxDuration: whole },
    tappers: {
      executor: 'constant-arrival-rate', exec: 'runTapper', duration: whole,
      rate: 50, timeUnit: '1s', // iterations, each with as many taps as the search asks for
      preAllocatedVUs: 100, maxVUs: 1000, // they last as long as their taps
    },
    admins: { executor: 'constant-vus', exec: 'runAdmin', vus: 10, duration: whole },
    exporters: { executor: 'constant-vus', exec: 'runExporter', vus: 2, duration: whole },
    cron: { executor: 'constant-vus', exec: 'runCron', vus: 1, duration: whole },
  },
  thresholds: { capacity: ['value>0'] },
  setupTimeout: '3m',
};

function positive(name, usual, n = Number(__ENV[name] || usual)) {
  if (n > 0 && n < Infinity) return n;
  throw new Error(`${name} must be a number above 0, got "${__ENV[name]}"`);
}

export const setup = () => preflight({ renew: true });

export function runSearch() {
  findCapacity({ start: START, most: MOST, settle: lasting(2), hold: lasting(6), confirm: lasting(120), time: whole });
}

export const runTapper = () => probeTaps();

export function runAdmin({ session }) {
  const eventId = __ENV.LOADTEST_EVENT_ID;
  attempt(() => query(session, 'analytics.kpis', day()));
  attempt(() => query(session, 'analytics.velocityHistory', { eventId }));
  attempt(() => query(session, 'analytics.eventSummary', { eventId }));
  attempt(() => query(session, 'analytics.tapsByHour', { eventId, hours: 24 }));
  sleep(5);
}

export function runExporter({ session }) {
  attempt(() => query(session, 'analytics.exportTaps', { eventId: __ENV.LOADTEST_EVENT_ID, ...day() }, { responseType: 'none' }));
  sleep(30);
}

// One flush after another: a probe is too short for a cron of 15 seconds to show whether it keeps up.
export function runCron() {
  attempt(() => flushTaps());
  sleep(0.1);
}

export const teardown = () => void reconcile();
export const handleSummary = report;
export default () => exec.test.abort('--vus, --duration and --iterations replace the scenarios: use TIME_SCALE');

function day() {
  const to = Date.now();
  return { from: new Date(to - 24 * 3600 * 1000).toISOString(), to: new Date(to).toISOString() };
}
