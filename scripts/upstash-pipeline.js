// How many taps does Upstash hold by itself? The eight commands that the Worker sends for each tap, in one request, without a Worker.
//
//   ./k6 run scripts/upstash-pipeline.js
//   ./k6 run -e RATE=2000 -e DURATION=5m scripts/upstash-pipeline.js
//
// All keys are the load test's own, loadtest:…, and teardown() deletes them. -e QUEUE=tap-log:pending puts the taps into the real queue
// instead, where they stay for the flush cron. Settings: UPSTASH_REDIS_REST_URL, UPSTASH_REDIS_REST_TOKEN and LOADTEST_EVENT_ID, the event
// that the taps belong to.
import { check } from 'k6';
import { Trend } from 'k6/metrics';
import { attempt, bandID, preflight, Upstash } from 'k6/x/sparkmotion';
import { duration, whole } from './lib/settings.js';

const RATE = whole('RATE', 100), DURATION = duration('DURATION', '1m'), { QUEUE = 'loadtest:tap-log:pending' } = __ENV;
const eventId = __ENV.LOADTEST_EVENT_ID;
if (!eventId) throw new Error('set LOADTEST_EVENT_ID');
const RECEIVED = 'loadtest:monitoring:taps:received'; // not the system's own counter, which must stay correct
const key = (name) => `loadtest:analytics:${eventId}:${name}`;
const hourly = (time) => key(`taps:hourly:${new Date(time).toISOString().slice(0, 13)}`);

// In whole milliseconds, like JavaScript's clock. upstash_latency is finer, but includes setup() and teardown().
const latency = new Trend('upstash_pipeline_latency', true);
const upstash = new Upstash();

export const options = {
  scenarios: {
    taps: { executor: 'constant-arrival-rate', rate: RATE, duration: DURATION, preAllocatedVUs: 50, maxVUs: 1000 },
  },
  thresholds: { checks: ['rate>0.97'], upstash_pipeline_latency: ['p(95)<100'] },
};

export const setup = () => (preflight({ parts: ['queue'] }), { began: Date.now(), answer: upstash.command(['PING']) }); // throws before any load

export default function () {
  attempt(() => check(pipeline(bandID(), Date.now()), {
    'Upstash runs all eight commands': (commands) => {
      const began = Date.now();
      const replies = upstash.pipeline(commands);
      latency.add(Date.now() - began);
      return replies.length === 8 && !replies.some((reply) => reply instanceof Error);
    },
  }));
}

function pipeline(bandId, now) {
  const velocity = key(`velocity:${Math.floor(now / 10000)}`);
  const page = { mode: 'live', redirectUrl: 'https://compassion.com/live' };
  const tap = { bandId, eventId, ...page, userAgent: 'k6', ipAddress: '127.0.0.1', tappedAt: new Date(now) };
  return [
    ['INCR', key('taps:total')], ['PFADD', key('taps:unique'), bandId], ['INCR', hourly(now)], ['INCR', key('mode:live')],
    ['INCR', velocity], ['EXPIRE', velocity, 1800], ['LPUSH', QUEUE, JSON.stringify(tap)], ['INCR', RECEIVED],
  ];
}

export function teardown({ began }) {
  const keys = ['taps:total', 'taps:unique', 'mode:live'].map(key);
  for (let t = began; t < Date.now() + 3600e3; t += 3600e3) keys.push(hourly(t)); // velocity expires by itself
  upstash.command(['UNLINK', 'loadtest:tap-log:pending', RECEIVED, ...keys]);
}
