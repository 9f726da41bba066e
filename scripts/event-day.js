// The day of three events: 200,000 people each arrive, tap when the speaker asks them to, and tap once more at the end.
//
//   ./k6 run scripts/event-day.js                                   in real time: five and a half hours
//   ./k6 run -e TIME_SCALE=0.05 scripts/event-day.js                the same rates, in 17 minutes
//   ./k6 run -e SCALE=0.1 -e TIME_SCALE=0.01 scripts/event-day.js   a tenth of the taps, in 3 minutes
//
// A few bands tap often (crew, testers) and most tap seldom; some are not in the KV and go to the Hub. Settings: as for e2e-load.js.
import { sleep } from 'k6';
import exec from 'k6/execution';
import { attempt, bandID, flushTaps, preflight, query, reconcile, report, tap, thresholds } from 'k6/x/sparkmotion';
import { above0 } from './lib/settings.js';

const SCALE = above0('SCALE', 1); // multiplies the tap rates
const TIME_SCALE = above0('TIME_SCALE', 1); // multiplies the length of the day
const UNKNOWN = 0.02; // the share of bands that were never registered
// Minutes, and the taps/s reached at their end. Doors, keynote and end are about one tap per person each.
const DAY = [
  [30, 330], [30, 50], [60, 50], // doors open
  [0.5, 5000], [1.5, 5000], [0.5, 50], // the keynote: "tap now"
  [180, 100], // sessions
  [0.25, 10000], [0.75, 10000], [0.25, 100], [30, 0], // the end, all at once, and the way home
];
const lasting = (minutes) => `${Math.round(minutes * 60000 * TIME_SCALE)}ms`;
const whole = lasting(DAY.reduce((sum, [minutes]) => sum + minutes, 0));

export const options = {
  scenarios: {
    crowd: {
      executor: 'ramping-arrival-rate',
      exec: 'runCrowd',
      startRate: 0,
      stages: DAY.map(([minutes, rate]) => ({ duration: lasting(minutes), target: Math.round(rate * SCALE) })),
      preAllocatedVUs: Math.ceil(1000 * SCALE), // enough at 10,000/s for answers of 100 ms: redirects fail from there on
    },
    admins: { executor: 'constant-vus', exec: 'runAdmin', vus: 10, duration: whole },
    cron: { executor: 'constant-arrival-rate', exec: 'runCron', rate: 1, timeUnit: '15s', preAllocatedVUs: 2, duration: whole },
  },
  thresholds: thresholds({ kv_hit_rate: 1 - 2 * UNKNOWN, csv_export_latency: null }), setupTimeout: '3m', teardownTimeout: '2m',
};

export const setup = () => preflight({ renew: true });

const prefixes = () => (Math.random() < UNKNOWN ? ['LOADTEST-UNKNOWN-'] : undefined);
export const runCrowd = () => tap({ band: bandID({ distribution: 'zipf', prefixes: prefixes() }) });

export function runAdmin({ session }) {
  sleep(5 * Math.random()); // ten people who don't reload at the same time
  for (const procedure of ['analytics.velocityHistory', 'analytics.eventSummary']) {
    attempt(() => query(session, procedure, { eventId: __ENV.LOADTEST_EVENT_ID }));
  }
}

export const runCron = () => attempt(() => flushTaps());
export const teardown = () => void attempt(() => reconcile());
export const handleSummary = report;
export default () => exec.test.abort('--vus, --duration and --iterations replace the scenarios: use SCALE and TIME_SCALE');
