/**
 * Writes a value as text that tells apart what JSON can't: -0, NaN, undefined, BigInt, dates, lone surrogates, and
 * where a key is. It sees nothing but its parameter, so that a k6 script can carry it.
 */
export function show(value) {
  const inside = (entries, open, close) => open + entries.join(',') + close;
  if (Object.is(value, -0)) return '-0';
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'string') {
    const escaped = (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
    return `"${value.replace(/[^\x20-\x21\x23-\x5b\x5d-\x7e]/g, escaped)}"`;
  }
  if (value === null || typeof value !== 'object') return String(value);
  if (Array.isArray(value)) return inside(Array.from(value, show), '[', ']');
  if (value instanceof Date) return `Date(${value.getTime()})`;
  if (value instanceof Map) return inside([...value].map(show), 'Map(', ')');
  if (value instanceof Set) return inside([...value].map(show), 'Set(', ')');
  if (value instanceof RegExp || value instanceof Error) return `${value.constructor.name}(${value})`;
  return inside(Object.keys(value).map((key) => `${show(key)}:${show(value[key])}`), '{', '}');
}
