// How fast does the flush cron drain the queue by itself? Fills the queue and flushes until it is empty, without any taps at the same time.
//
//   ./k6 run -e N=500000 scripts/drain.js
//
// Rows/s: drain_batch for each batch of 5,000 that leaves the queue, drain_second for each second (also in the log), and drain_flush for
// each flush by the Hub's clock. k6 exits 99 when rows were dropped, batches failed, or these flushes moved fewer than N rows (Vercel's
// cron, each minute, may have taken some). The rows stay in the database. Settings: HUB_URL, CRON_SECRET, UPSTASH_REDIS_REST_URL and
// _TOKEN, and LOADTEST_EVENT_ID, the event that the bands of PREFIX belong to.
import { sleep } from 'k6';
import exec from 'k6/execution';
import { Trend } from 'k6/metrics';
import { attempt, bandID, flushTaps, preflight, thresholds, Upstash } from 'k6/x/sparkmotion';
import { whole } from './lib/settings.js';

const N = whole('N', 100000), { PREFIX = 'LOADTEST-E1-', LOADTEST_EVENT_ID: eventId } = __ENV;
if (!eventId) throw new Error('set LOADTEST_EVENT_ID');
const [byBatch, bySecond, byFlush] = ['batch', 'second', 'flush'].map((each) => new Trend(`drain_${each}`));
const upstash = new Upstash();
const waiting = () => upstash.command(['LLEN', 'tap-log:pending']);

const once = (name) => ({ executor: 'per-vu-iterations', exec: name, vus: 1, iterations: 1, maxDuration: '2h' });

export const options = {
  scenarios: { flush: once('flush'), watch: once('watch') }, setupTimeout: '30m',
  thresholds: { cron_drop_rate: thresholds().cron_drop_rate, cron_errors: ['rate==0'], cron_flushed: [`count>=${N}`] },
  summaryTrendStats: ['min', 'med', 'avg', 'p(95)', 'max', 'count'],
};

export function setup() {
  preflight({ parts: ['hub', 'queue'] }); // its flush empties the queue
  for (let left = N; left > 0; left -= 1000) upstash.command(['LPUSH', 'tap-log:pending', ...Array.from({ length: Math.min(left, 1000) }, entry)]);
}

const entry = () => JSON.stringify({
  bandId: bandID({ prefixes: [PREFIX] }), eventId, mode: 'live', redirectUrl: 'https://compassion.com/live', tappedAt: new Date(),
});

export function flush() {
  for (let f; !f || f.remaining > 0;) {
    f = attempt(() => flushTaps());
    if (!f || f.failedBatches > 0) exec.test.abort('a flush or some of its batches failed: see this log and the Hub\'s');
    if (f.flushed > 0) byFlush.add((f.flushed * 1000) / Math.max(1, f.durationMs));
  }
}

export function watch() {
  for (let left = waiting(), taken, second; left > 0; sleep(0.02)) { // taken: the last batch, and when it left
    const [depth, now] = [waiting(), Date.now()];
    if (depth < left) {
      if (taken) byBatch.add((taken.rows * 1000) / (now - taken.at)); // a batch is written by the time the next one is taken
      [taken, second] = [{ rows: left - depth, at: now }, second || { left: depth, at: now }];
    }
    left = depth;
    if (!second || now - second.at < 1000) continue;
    bySecond.add(((second.left - left) * 1000) / (now - second.at));
    console.log(`${left} of ${N} rows are waiting; ${second.left - left} left the queue in ${now - second.at} ms`);
    second = { left, at: now };
  }
}
