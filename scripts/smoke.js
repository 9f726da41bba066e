// Does every part work, and are the settings right? One of everything, again and again with a second in between, for 30 seconds.
//
//   ./k6 run scripts/smoke.js
//
// k6 exits 0 when all is well, 99 when a call failed or a limit broke, and 107 when preflight() finds something wrong. Settings come from
// the environment or -e, as for e2e-load.js; without Upstash's settings and REDIS_URL, the queue is left out.
import { check, sleep } from 'k6';
import { attempt, bandID, batch, flushTaps, preflight, query, queueDepth, reconcile, tap, taps, thresholds, Upstash } from 'k6/x/sparkmotion';

export const options = {
  vus: 1,
  duration: '30s',
  thresholds: { ...thresholds(), checks: ['rate==1'], http_req_failed: ['rate==0'] },
  setupTimeout: '3m', teardownTimeout: '2m', // the flush in preflight() clears what the last run left
};

export const setup = () => preflight(); // returns its session

// A call that throws is a failed check and ends the round. Only the first failure of each kind is logged.
export default function ({ session }) {
  attempt(() => everything(session));
  sleep(1);
}

function everything(session) {
  check(session, {
    'tap() is redirected': () => tap(),
    'a tap of the next band, with UTM parameters, is redirected': () => tap({ band: bandID({ distribution: 'sequential' }), utm: 1 }),
    'taps(5) are all redirected': () => taps(5) === 5,
    'query() returns data': () => query(session, 'analytics.kpis', day()) !== null,
    'batch() returns data for each query': () => batch(session, dashboard()).every((entry) => !(entry instanceof Error)),
    'an export is complete': () => query(session, 'analytics.exportTaps', { eventId, ...day() }) !== null,
    'flushTaps() flushes every batch': () => flushTaps().failedBatches === 0,
    'queueDepth() is 0 or more': () => queueDepth() >= 0, // null, without a queue, counts as 0
  });
  if (__ENV.UPSTASH_REDIS_REST_URL) check(new Upstash(), pings);
}

export const teardown = () => check(attempt(() => reconcile()), { 'every tap was recorded': (l) => l === null || l?.lost === 0 });

const eventId = __ENV.LOADTEST_EVENT_ID;

const dashboard = () => [
  ['analytics.velocityHistory', { eventId }],
  ['analytics.eventSummary', { eventId }],
  ['analytics.tapsByHour', { eventId, hours: 24 }],
];

const pings = {
  'Upstash runs a command': (upstash) => upstash.command(['PING']) === 'PONG',
  'Upstash runs a pipeline': (upstash) => upstash.pipeline([['PING'], ['ECHO', 'a']]).join() === 'PONG,a',
  'Upstash runs a transaction': (upstash) => upstash.transaction([['PING'], ['ECHO', 'b']]).join() === 'PONG,b',
};

function day() {
  const to = Date.now();
  return { from: new Date(to - 24 * 3600 * 1000).toISOString(), to: new Date(to).toISOString() };
}
