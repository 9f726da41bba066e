// taps(10) an iteration.
import { taps } from 'k6/x/sparkmotion';
import { load } from './load.js';

export { handleSummary } from './load.js';
export const options = load(10);

export default function () {
  taps(10);
}
