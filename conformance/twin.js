import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const binary = fileURLToPath(new URL('../bin/twin', import.meta.url));

/** Starts the local SparkMotion with a small history; env are the settings that it wrote, stop() ends it. */
export async function startTwin(...flags) {
  const dir = mkdtempSync(join(tmpdir(), 'twin-'));
  const file = join(dir, 'twin.env');
  const child = spawn(binary, ['-history', '5000', '-env-file', file, ...flags], { stdio: ['ignore', 'ignore', 'pipe'] });
  const exit = () => child.kill();
  process.on('exit', exit);
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (text) => (log += text));
  const ended = once(child, 'exit');
  const stop = async () => {
    child.kill('SIGINT');
    const [code] = await ended;
    process.off('exit', exit);
    rmSync(dir, { recursive: true });
    if (code !== 0) throw new Error(`the twin did not end cleanly (${code}):\n${log}`);
  };
  for (const deadline = Date.now() + 60_000; !existsSync(file); await delay(20)) { // it appears whole once all listens
    if (child.exitCode !== null || Date.now() > deadline) throw new Error(`the twin does not start:\n${log}`);
  }
  return { env: settings(readFileSync(file, 'utf8')), stop };
}

function settings(text) {
  return Object.fromEntries(text.trim().split('\n').map((line) => {
    const at = line.indexOf('=');
    return [line.slice(0, at), line.slice(at + 1)];
  }));
}
