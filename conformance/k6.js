import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const binary = fileURLToPath(new URL('../k6', import.meta.url));

/**
 * Runs ./k6 for one iteration of fn, with env and nothing else as its settings, in a folder of its own.
 *
 * The setting HOSTS, of the script alone, is k6's option `hosts` as JSON.
 *
 * fn is a function of (sparkmotion, …args) that is sent as source, so it sees nothing but its parameters, and k6/http as http; args are
 * functions or what JSON carries. The result is what k6 made of it:
 *   value    what fn returned, through JSON; missing when it threw
 *   error    {message, code, status, …} of what it threw; missing when it returned
 *   code     k6's exit code
 *   output   all that k6 printed
 *   metrics  k6's end-of-test metrics, by name
 */
export async function k6(fn, env, ...args) {
  const dir = mkdtempSync(join(tmpdir(), 'conformance-'));
  try {
    writeFileSync(join(dir, 'script.js'), script(fn, args));
    const { code, output } = await run(dir, env, '--log-format', 'raw', '--console-output', 'given.json', 'script.js');
    const given = read(join(dir, 'given.json'));
    leaks(output + given?.error?.message, env);
    if (!given) throw new Error(`k6 exited ${code} before the script was through:\n${output.slice(0, 2000)}`);
    return { code, output, metrics: read(join(dir, 'summary.json'))?.metrics, ...given };
  } finally {
    rmSync(dir, { recursive: true });
  }
}

function script(fn, args) {
  const source = (arg) => (typeof arg === 'function' ? `(${arg})` : JSON.stringify(arg));
  return `
    import http from 'k6/http';
    import * as sparkmotion from 'k6/x/sparkmotion';
    export const options = { hosts: JSON.parse(__ENV.HOSTS ?? '{}'), insecureSkipTLSVerify: true, summaryTrendStats: ['count', 'p(95)'] };
    export const handleSummary = (data) => ({ 'summary.json': JSON.stringify(data) });
    export default function () {
      let given;
      try {
        given = { value: (${fn})(${['sparkmotion', ...args.map(source)].join(', ')}) };
      } catch (error) {
        given = { error: { message: error.message, ...error } };
      }
      console.log(JSON.stringify(given));
    }`;
}

/** Runs a script of this project's in ./k6, with env and nothing else as its settings: {code, output, metrics}. */
export async function k6Script(file, env) {
  const dir = mkdtempSync(join(tmpdir(), 'conformance-'));
  try {
    const script = fileURLToPath(new URL(`../${file}`, import.meta.url));
    const { code, output } = await run(dir, env, '--summary-export', 'summary.json', script);
    leaks(output, env);
    return { code, output, metrics: read(join(dir, 'summary.json'))?.metrics };
  } finally {
    rmSync(dir, { recursive: true });
  }
}

function run(dir, env, ...how) {
  const args = ['run', '--quiet', ...how];
  const plain = { HOME: dir, PATH: process.env.PATH, NO_COLOR: '1', K6_NO_USAGE_REPORT: 'true' };
  const child = spawn(binary, args, { cwd: dir, env: { ...plain, ...env }, timeout: 120_000 });
  const exit = () => child.kill();
  process.on('exit', exit);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      process.off('exit', exit);
      resolve({ code: code ?? signal, output });
    });
  });
}

// leaks throws when a secret of the settings is in what k6 printed, or would for an error.
function leaks(output, env) {
  for (const [name, value] of Object.entries(env)) {
    if (/PASSWORD|SECRET|TOKEN/.test(name) && output.includes(value)) throw new Error(`k6 printed ${name}:\n${output}`);
  }
}

function read(file) {
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8') || 'null') : null;
}
