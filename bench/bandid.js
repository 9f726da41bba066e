// How many bands a second one virtual user picks: WAY is bandID, or javascript.
import { Gauge } from 'k6/metrics';
import { bandID } from 'k6/x/sparkmotion';
import { randomBand } from './band.js';

export { handleSummary } from './load.js';
export const options = { vus: 1, iterations: 1 };

const callsPerSecond = new Gauge('calls_per_second');
const { WAY, SECONDS } = __ENV;
const burst = 10000; // calls between two looks at the clock

export default function () {
  const pick = WAY === 'bandID' ? bandID : randomBand;
  const start = Date.now();
  let calls = 0;
  let elapsed = 0;
  while (elapsed < SECONDS * 1000) {
    for (let i = 0; i < burst; i++) {
      pick();
    }
    calls += burst;
    elapsed = Date.now() - start;
  }
  callsPerSecond.add(calls / (elapsed / 1000));
}
