// At which rate do redirects break? Only taps, faster and faster, until a limit breaks and ends the run.
//
//   ./k6 run scripts/redirect-breakpoint.js
//   ./k6 run -e PEAK=20000 -e CLIMB=20m scripts/redirect-breakpoint.js       to 20,000 taps/s in 20 minutes
//
// k6 exits 99 when a limit broke: its summary marks that limit (✗), and arrival_rate is the taps/s at that moment. If generator_limited is
// ✗ too, this machine may have been the limit. Limits are judged over all taps since the start, so one breaks when a twentieth of them is
// slow, a few percent above what the system holds; e2e-load.js gives the exact rate. Settings: only WORKER_URL.
import exec from 'k6/execution';
import { Gauge } from 'k6/metrics';
import { preflight, taps, thresholds } from 'k6/x/sparkmotion';
import { duration, whole } from './lib/settings.js';

const PEAK = whole('PEAK', 10000); // taps/s at the end of the climb

const TAPS = Math.ceil(PEAK / 500); // per iteration: k6 starts 500 iterations a second with little effort, but not 10,000
const VUS = Math.ceil((PEAK / TAPS) * 0.2); // enough at the peak for answers of 200 ms: redirects fail from 100 on

const arrivalRate = new Gauge('arrival_rate');
const limits = thresholds();

export const options = {
  scenarios: {
    climb: {
      executor: 'ramping-arrival-rate',
      startRate: 0,
      timeUnit: `${TAPS}s`,
      stages: [{ target: PEAK, duration: duration('CLIMB', '10m') }],
      preAllocatedVUs: VUS,
      gracefulStop: '5s',
    },
  },
  thresholds: {
    redirect_latency: ends(limits.redirect_latency),
    error_rate: ends(limits.error_rate),
    kv_hit_rate: ends(limits.kv_hit_rate),
    generator_limited: ['rate<0.05'],
  },
  summaryTrendStats: ['med', 'p(95)', 'p(99)', 'max', 'count'],
};

// The run ends when this limit breaks, but not on its very first taps.
function ends([threshold]) {
  return [{ threshold, abortOnFail: true, delayAbortEval: '5s' }];
}

export const setup = () => preflight({ parts: ['worker'] });

export default function () {
  arrivalRate.add(PEAK * exec.scenario.progress);
  taps(TAPS);
}
