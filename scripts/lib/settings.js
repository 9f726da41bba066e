// The settings of scripts, from the environment or -e. One that is wrong stops the script in its init context. (e2e-load.js has its own: it is
// deployed as one file.)

export const above0 = (name, usual) => number(name, usual, 'a number above 0, such as 0.1', Number.isFinite);
export const whole = (name, usual) => number(name, usual, 'a whole number above 0', Number.isInteger);

function number(name, usual, wanted, is, n = Number(__ENV[name] || usual)) {
  if (n > 0 && is(n)) return n;
  throw new Error(`${name} must be ${wanted}, got "${__ENV[name]}"`);
}

// A duration as k6 takes it: 1m30s, or milliseconds.
export function duration(name, usual, text = __ENV[name] || usual) {
  if (/^(\d+|(\d+(\.\d+)?(d|h|m|s|ms))+)$/.test(text)) return text;
  throw new Error(`${name} must be a duration, such as ${usual}, got "${text}"`);
}
