// Does it hold for hours? One rate, and the last tenth of the time compared with the first: latency, errors, queue, memory.
//
//   ./k6 run scripts/soak.js                              75 taps/s for 4 h
//   ./k6 run -e RATE=500 -e HOURS=12 scripts/soak.js
//
// Its ten plateaus are tenths of the time at the same rate. The report has a row for each, with its latency, queue and losses, and k6
// exits 99 when a limit breaks. A table above it compares the first tenth with the last, to show what gets slower or grows before that
// happens; the generator's memory is what Go's runtime holds. Settings: as for e2e-load.js, without those of Admin, and with the queue's.
import exec from 'k6/execution';
import { attempt, flushTaps, plateaus, preflight, queueDepth, reconcile, report, taps, thresholds } from 'k6/x/sparkmotion';
import { above0, whole } from './lib/settings.js';

const RATE = whole('RATE', 75); // taps/s
const HOURS = above0('HOURS', 4);
const TAPS = Math.ceil(RATE / 500), TENTH = Math.round(HOURS * 360000); // per iteration: k6 starts 500 a second with little effort; in ms
const every = (name, timeUnit) => ({
  executor: 'constant-arrival-rate', exec: name, rate: 1, timeUnit, duration: `${10 * TENTH}ms`, preAllocatedVUs: 2,
});
const scenarios = {
  taps: {
    executor: 'ramping-arrival-rate', exec: 'tapper', ...plateaus({ rates: Array(10).fill(RATE), taps: TAPS, hold: TENTH }),
    preAllocatedVUs: Math.ceil(RATE / TAPS), // enough virtual users for answers of 1 s: a stall in all these hours should drop none
  },
  cron: every('cron', `${Math.min(15000, TENTH / 2)}ms`),
  sampler: every('sampler', `${Math.min(5000, TENTH / 4)}ms`),
};
// The table's rows: a metric and one of k6's statistics. k6 keeps the samples of a tenth apart only if a threshold asks for them.
const FIGURES = [
  ['redirect_latency', 'p(95)', 'redirect p95, ms'], ['redirect_latency', 'p(99)', 'redirect p99, ms'], ['error_rate', 'rate', 'error rate'],
  ['queue_depth', 'max', 'queue, most'], ['generator_memory', 'max', 'generator memory, MB', 1e6],
];
const limits = thresholds({ analytics_latency: null, csv_export_latency: null });
for (const [metric] of FIGURES) for (const tenth of ['first', 'last']) limits[`${metric}{tenth:${tenth}}`] = limits[metric] || [];

export const options = { scenarios, thresholds: limits, summaryTrendStats: ['med', 'p(95)', 'p(99)', 'max', 'count'], setupTimeout: '3m' };

function tagged(call) {
  const tenth = Math.floor((Date.now() - exec.scenario.startTime) / TENTH);
  exec.vu.metrics.tags.tenth = { 0: 'first', 9: 'last' }[tenth] || 'between';
  call();
}
export const setup = () => preflight({ parts: ['worker', 'hub', 'queue'] });
export const tapper = () => tagged(() => taps(TAPS));
export const cron = () => tagged(() => attempt(() => flushTaps()));
export const sampler = () => tagged(() => attempt(() => queueDepth()));
export const teardown = () => void reconcile();

export function handleSummary(data) {
  const value = ([metric, stat, , unit = 1], tenth) => {
    const n = data.metrics[`${metric}{tenth:${tenth}}`]?.values[stat] / unit;
    return n >= 0 ? n.toFixed(3) : '–'; // a run that was stopped early has no last tenth
  };
  const rows = FIGURES.map((f) => `${f[2].padEnd(22)}${value(f, 'first').padStart(12)}${value(f, 'last').padStart(12)}`);
  return { stdout: `\n${' '.repeat(22)} first tenth  last tenth\n${rows.join('\n')}\n${report(data).stdout}` };
}
