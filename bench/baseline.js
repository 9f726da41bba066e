// The baseline: one tap an iteration in JavaScript alone, with k6/http. What can be made once is made once, each field
// of a response is read once, bodies are dropped, and one name tag keeps k6 from a time series for each URL.
import { check } from 'k6';
import http from 'k6/http';
import { Rate, Trend } from 'k6/metrics';
import { randomBand } from './band.js';
import { load } from './load.js';

export { handleSummary } from './load.js';
export const options = load(1);

const redirectLatency = new Trend('redirect_latency', true);
const errorRate = new Rate('error_rate');
const kvHitRate = new Rate('kv_hit_rate');

const link = `${__ENV.WORKER_URL}/e?bandId=`;
const utm = '&utm_source=nfc&utm_medium=wristband&utm_campaign=loadtest';
const page = 'https://compassion.com/';
const params = { redirects: 0, tags: { name: 'tap' } };

export default function () {
  const url = link + randomBand();
  const response = http.get(Math.random() < 0.5 ? url + utm : url, params);
  const { status, headers, timings } = response;
  const location = headers.Location || '';
  const redirected = status === 302 && location !== '';
  const hit = location.startsWith(page);

  redirectLatency.add(timings.duration);
  errorRate.add(!redirected);
  if (redirected) {
    kvHitRate.add(hit);
  }
  check(response, {
    'status is 302': status === 302,
    'has a Location': location !== '',
    "leads to the event's page": hit,
  });
}
