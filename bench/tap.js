// One tap() an iteration.
import { tap } from 'k6/x/sparkmotion';
import { load } from './load.js';

export { handleSummary } from './load.js';
export const options = load(1);

export default function () {
  tap();
}
