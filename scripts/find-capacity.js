// How many taps a second does the system hold? Doubles the rate until a limit breaks, goes back, bisects, and then holds the answer for
// two minutes. Admins, exports and limits are those of e2e-load.js. Flushes run one after another, because a probe is too short to show
// whether a cron of 15 seconds keeps up.
//
//   ./k6 run scripts/find-capacity.js                                         6 minutes, to 5 %
//   ./k6 run -e TIME_SCALE=0.25 -e START=50 scripts/find-capacity.js          a quarter of every duration: coarser
//
// k6 exits 0 with an answer, which is also in the metric capacity, and 99 without one. A run takes its full time even when the answer comes
// earlier: k6 can only end a run early as a failure. Settings: as for e2e-load.js.
import { sleep } from 'k6';
import { attempt, findCapacity, flushTaps, probeTaps } from 'k6/x/sparkmotion';
import { above0 } from './lib/settings.js';

export { default, handleSummary, runAdmin, runExporter, setup, teardown } from './e2e-load.js';

const TIME_SCALE = above0('TIME_SCALE', 1); // multiplies every duration
const START = above0('START', 100); // taps/s to begin with
const MOST = above0('MOST', 20000); // taps/s never to exceed

const lasting = (s) => `${Math.round(s * TIME_SCALE * 1000)}ms`;
const whole = lasting(360);

export const options = {
  scenarios: {
    search: { executor: 'per-vu-iterations', exec: 'runSearch', vus: 1, iterations: 1, maxDuration: whole },
    tappers: {
      executor: 'constant-arrival-rate', exec: 'runTapper', duration: whole,
      rate: 50, timeUnit: '1s', // iterations; each makes as many taps as the search asks for
      preAllocatedVUs: 100, maxVUs: 1000, // an iteration lasts as long as its taps
    },
    admins: { executor: 'constant-vus', exec: 'runAdmin', vus: 10, duration: whole },
    exporters: { executor: 'constant-vus', exec: 'runExporter', vus: 2, duration: whole },
    cron: { executor: 'constant-vus', exec: 'runCron', vus: 1, duration: whole },
  },
  thresholds: { capacity: ['value>0'] }, // probes break the limits on purpose
  setupTimeout: '3m',
};

export function runSearch() {
  findCapacity({ start: START, most: MOST, settle: lasting(2), hold: lasting(6), confirm: lasting(120), time: whole });
}

export const runTapper = () => probeTaps();

export function runCron() {
  attempt(() => flushTaps());
  sleep(0.1);
}
