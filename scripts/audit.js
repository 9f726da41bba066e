// Is every tap recorded exactly once, and under the right event? Taps each band once, in order, and then looks for every tap by name.
//
//   ./k6 run scripts/audit.js                                   3,000 taps in a minute, and two more to look for them
//   ./k6 run -e TAPS=100000 -e RATE=500 scripts/audit.js        more, and faster
//
// k6 exits 99 when a tap was lost, was recorded twice or under another event, or when it finds taps that this run did not make. The log
// and results/audit.json say which. Others may use the system meanwhile, but not the LOADTEST bands. Settings: as for e2e-load.js, with
// LOADTEST_EVENT_IDS. TAPS must not exceed the number of bands, and only one process may tap. The Worker may take 30 s to record a tap
// after its answer: SETTLE sets how long to wait.
import { audit, bandID, preflight, tap, thresholds } from 'k6/x/sparkmotion';
import { duration, whole } from './lib/settings.js';

const RATE = whole('RATE', 50); // taps/s
const TAPS = whole('TAPS', 3000);
const SETTLE = duration('SETTLE', '35s');
const BANDS = 3 * whole('LOADTEST_BANDS', 200000); // of three events
if (TAPS > BANDS) throw new Error(`TAPS must not exceed the bands, which are ${BANDS} by LOADTEST_BANDS, got ${TAPS}`);

export const options = {
  scenarios: {
    taps: {
      executor: 'constant-arrival-rate',
      rate: RATE,
      duration: `${Math.round(((TAPS - 0.5) / RATE) * 1000)}ms`, // the first tap is at 0
      preAllocatedVUs: Math.ceil(RATE / 10), // enough for a system that answers within 100 ms
      maxVUs: RATE * 10,
    },
  },
  thresholds: {
    error_rate: thresholds().error_rate,
    audit_recorded: ['count>0'], // the audit took place
    audit_lost: ['count==0'],
    audit_duplicated: ['count==0'],
    audit_other_event: ['count==0'],
    audit_other_mode: ['count==0'],
    audit_unexpected: ['count==0'],
  },
  setupTimeout: '3m', // the flush in preflight() clears what the last run left
  teardownTimeout: '30m',
};

export const setup = () => preflight({ renew: true });

export default () => tap({ band: bandID({ distribution: 'sequential' }), audit: true });

export const teardown = ({ session }) => audit(session, { settle: SETTLE });

export const handleSummary = (data) => void delete data.setup_data; // or --summary-export would have the session
