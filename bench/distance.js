// Taps as the load test's script makes them: a plateau of taps(n) an iteration.
//
//   RATE, SECONDS, VUS   as load.js has them
//   TAPS                 of an iteration
import { plateaus, taps } from 'k6/x/sparkmotion';

export { handleSummary } from './load.js';

const { RATE, SECONDS, TAPS, VUS } = __ENV;

export const options = {
  scenarios: {
    taps: {
      executor: 'ramping-arrival-rate',
      ...plateaus({ rates: [Number(RATE)], hold: `${SECONDS}s`, taps: Number(TAPS) }),
      preAllocatedVUs: Number(VUS),
      maxVUs: Number(VUS),
    },
  },
  summaryTrendStats: ['p(50)', 'p(95)', 'p(99)'],
};

export default function () {
  taps(Number(TAPS));
}
