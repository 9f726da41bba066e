// At which rate do redirects break? Taps alone, faster and faster, until a limit ends the run.
//
//   ./k6 run scripts/redirect-breakpoint.js
//   ./k6 run -e PEAK=20000 -e CLIMB=20m scripts/redirect-breakpoint.js       to 20,000 taps/s in 20 minutes
//
// k6 exits 99 when it broke: its summary shows the limit that did (✗), and as arrival_rate the taps/s at that moment. If
// generator_limited is ✗ too, this machine may have been it. A limit holds for all taps since the start: it breaks when a
// twentieth of them is slow, a few percent above what the system holds; e2e-load.js says that. It needs WORKER_URL alone.
import exec from 'k6/execution';
import { Gauge } from 'k6/metrics';
import { preflight, tap, thresholds } from 'k6/x/sparkmotion';

const PEAK = Number(__ENV.PEAK || 10000); // taps/s at the end of the climb
if (!Number.isInteger(PEAK) || PEAK < 1) throw new Error(`PEAK must be a whole number above 0, got "${__ENV.PEAK}"`);

const arrivalRate = new Gauge('arrival_rate');
const limits = thresholds();

export const options = {
  scenarios: {
    climb: {
      executor: 'ramping-arrival-rate',
      startRate: 0,
      stages: [{ target: PEAK, duration: __ENV.CLIMB || '10m' }],
      preAllocatedVUs: Math.ceil(PEAK / 20), // a system that answers within 50 ms needs these
      maxVUs: Math.ceil(PEAK / 5),
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

// The run ends when this limit breaks, though not on the first taps of all.
function ends([threshold]) {
  return [{ threshold, abortOnFail: true, delayAbortEval: '5s' }];
}

export const setup = () => preflight({ parts: ['worker'] });

export default function () {
  arrivalRate.add(PEAK * exec.scenario.progress);
  tap();
}
