// "Go live": after a window is toggled, how long do taps still lead to the old page? A constant rate of taps, and a switch during the run.
//
//   ./k6 run scripts/window-switch.js
//   ./k6 run -e RATE=500 -e FROM=LIVE -e TO=POST scripts/window-switch.js
//
// old_page has the taps that still led to the old page, in ms since the switch was requested; its max is the last such tap. The
// edge may cache a page for 30 s: taps start BEFORE seconds before the switch and go on for LIMIT + 5 seconds after it. k6 exits 99 when a
// tap led to the old page after LIMIT. teardown() restores the page that was shown before. Settings: as for e2e-load.js; LOADTEST_EVENT_ID
// is the event that the bands of PREFIX belong to, with windows of the types FROM and TO.
import exec from 'k6/execution';
import { Counter, Trend } from 'k6/metrics';
import { bandID, mutate, preflight, query, tap, thresholds } from 'k6/x/sparkmotion';
import { whole } from './lib/settings.js';

const { FROM = 'PRE', TO = 'LIVE', PREFIX = 'LOADTEST-E1-', LOADTEST_EVENT_ID: eventId } = __ENV;
const [RATE, BEFORE, LIMIT] = [whole('RATE', 50), whole('BEFORE', 35), whole('LIMIT', 40)]; // taps/s, s, s

const oldPage = new Trend('old_page', true);
const [newPage, otherPage] = ['new_page', 'other_page'].map((name) => new Counter(name)); // taps after the switch

export const options = {
  scenarios: {
    taps: { executor: 'constant-arrival-rate', exec: 'tapper', rate: RATE, duration: `${BEFORE + LIMIT + 5}s`, preAllocatedVUs: RATE },
    switch: { executor: 'per-vu-iterations', exec: 'toggle', vus: 1, iterations: 1, startTime: `${BEFORE}s` },
  },
  thresholds: { error_rate: thresholds().error_rate, old_page: [`max<${LIMIT * 1000}`], new_page: ['count>0'], other_page: ['count==0'] },
  summaryTrendStats: ['min', 'med', 'p(95)', 'p(99)', 'max', 'count'],
};

export function setup() {
  const { session } = preflight({ parts: ['worker', 'admin'], queries: [['windows.list', { eventId }]], renew: true });
  const windows = query(session, 'windows.list', { eventId });
  const [from, to] = [FROM, TO].map((type) => windows.find(({ windowType }) => windowType === type));
  const types = windows.map(({ windowType }) => windowType);
  if (!from || !to || from === to) throw new Error(`the event ${eventId} has the windows [${types}]: set FROM and TO to two of them`);
  if (!from.isActive) mutate(session, 'windows.toggle', { id: from.id, isActive: true });
  return { session, from, to, shown: windows.find(({ isActive }) => isActive) };
}

const same = (url, page) => url.replace(/\/$/, '') === page.replace(/\/$/, '');

export function tapper({ from, to }) {
  const since = Date.now() - exec.scenario.startTime - BEFORE * 1000; // ms since the switch was requested
  const url = tap({ band: bandID({ prefixes: [PREFIX] }), utm: 0, location: true });
  if (since < 0 || url === null) return;
  if (same(url, from.url)) oldPage.add(since);
  else (same(url, to.url) ? newPage : otherPage).add(1);
}

export const toggle = ({ session, to }) => mutate(session, 'windows.toggle', { id: to.id, isActive: true });
export const handleSummary = (data) => void delete data.setup_data; // or --summary-export would have the session

export function teardown({ session, to, shown }) {
  mutate(session, 'windows.toggle', shown ? { id: shown.id, isActive: true } : { id: to.id, isActive: false });
}
