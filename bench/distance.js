// Taps as the load test's script makes them: plateaus of taps(n) an iteration. stdout has the summary with the report's figures.
//
//   RATES         taps a second, one after another, with commas between
//   SECONDS       how long each is held
//   VUS           virtual users, all there to be used
//   TAPS          of an iteration
//   RESULTS       the folder for the report
import { plateaus, report, taps } from 'k6/x/sparkmotion';

const { RATES, SECONDS, TAPS, VUS, RESULTS } = __ENV;

export const options = {
  scenarios: {
    taps: {
      executor: 'ramping-arrival-rate',
      ...plateaus({ rates: RATES.split(',').map(Number), hold: `${SECONDS}s`, taps: Number(TAPS) }),
      preAllocatedVUs: Number(VUS),
      maxVUs: Number(VUS),
    },
  },
  summaryTrendStats: ['p(50)', 'p(95)', 'p(99)'],
};

export default function () {
  taps(Number(TAPS));
}

export function handleSummary(data) {
  report(data, { dir: RESULTS });
  return { stdout: JSON.stringify(data) };
}
