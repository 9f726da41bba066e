// Runs every suite in cases/ against its real counterpart, two at a time, and prints what held.
//
//   node main.js [--only REGEX]
//
// A file in cases/ exports a list of suites:
//   counterpart  the installed package that the suite is about, by its folder in node_modules
//   start()      starts it; what it returns is given to each case, and its stop() is called at the end
//   cases        { name: async (started) => … }, which throw when something does not hold
import { readdirSync, readFileSync } from 'node:fs';
import { inspect, parseArgs } from 'node:util';

const { values: { only } } = parseArgs({ options: { only: { type: 'string', default: '' } } });
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => process.exit(1)); // ends what was started

const began = Date.now();
const tally = { passed: 0, failed: 0 };
const files = readdirSync(new URL('cases', import.meta.url)).sort();
const suites = (await Promise.all(files.map((file) => import(`./cases/${file}`)))).flatMap((one) => one.default).values();
const lane = async () => { for (const suite of suites) await runSuite(suite); };
await Promise.all([lane(), lane()]); // a suite mostly waits, for k6 or for what it asks
console.log(`\n${tally.passed} passed, ${tally.failed} failed`);
console.log(`in ${seconds(began)}`);
process.exit(tally.failed === 0 && tally.passed > 0 ? 0 : 1);

async function runSuite({ counterpart, start, cases }) {
  const { name, version } = JSON.parse(readFileSync(new URL(`node_modules/${counterpart}/package.json`, import.meta.url)));
  const chosen = Object.entries(cases).filter(([title]) => `${name} ${version} ${title}`.match(only));
  if (chosen.length === 0) return;
  const row = (title, passed, since, error) => {
    tally[passed ? 'passed' : 'failed']++;
    console.log(`${passed ? '✓' : '✗'} ${name.padEnd(14)} ${version.padEnd(14)} ${title.padEnd(76)} ${seconds(since)}`);
    if (!passed) console.log(reason(error).replace(/^/gm, '    '));
  };
  const since = Date.now();
  let started;
  try {
    started = await start();
  } catch (error) {
    return row('it starts', false, since, error);
  }
  for (const [title, run] of chosen) {
    const since = Date.now();
    await run(started).then(() => row(title, true, since), (error) => row(title, false, since, error));
  }
  await started.stop().catch((error) => row('it stops', false, Date.now(), error));
}

// reason is an assertion's own words, or the whole of an error that nobody expected.
function reason(error) {
  return error?.code === 'ERR_ASSERTION' ? error.message : inspect(error);
}

function seconds(since) {
  return `${((Date.now() - since) / 1000).toFixed(1).padStart(6)} s`;
}
