// How the twin's answers are compared with the real ones.
import { deepEqual } from 'node:assert/strict';
import { inspect } from 'node:util';

/** differences are the places in which two answers differ: [where, what the real one has, what the twin has]. */
export function differences(a, b, where = '') {
  if (a === b) return [];
  if (![a, b].every((one) => one && typeof one === 'object')) return [[where, a, b]];
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].flatMap((key) => differences(a[key], b[key], `${where}/${key}`));
}

/** holds throws unless the places that differ are those that are known to. */
export function holds(found, known = []) {
  const places = found.map(([where]) => where.replace('/error/json/', '/error/'));
  deepEqual(places.sort(), [...known].sort(), found.length > 0
    ? `[where, ${known.length > 0 ? `not only ${known.join(' ')}` : 'the real one'}, the twin]: ${inspect(found, { depth: 9 })}`
    : `no longer differs: take it off the list (${known.join(' ')})`);
}
