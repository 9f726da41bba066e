import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const server = fileURLToPath(new URL('admin/server.js', import.meta.url));

/** Starts the built Next.js app as one of its variants (see admin/settings.js); env are a load test's settings for it. */
export async function startAdmin(variant = {}) {
  const user = { TEST_EMAIL: 'loadtest@sparkmotion.net', TEST_PASSWORD: 'correct & horse+battery=1%' };
  const secret = 'a secret of this conformance run';
  const env = {
    PATH: process.env.PATH, NODE_ENV: 'production', NEXT_TELEMETRY_DISABLED: '1',
    AUTH_SECRET: secret, NEXTAUTH_SECRET: secret, ...user, ...variant,
  };
  const child = fork(server, { env, stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
  const exit = () => child.kill();
  process.on('exit', exit);
  let log = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (log += text));
  const ended = once(child, 'exit');
  const [origin] = await Promise.race([
    once(child, 'message', { signal: AbortSignal.timeout(60_000) }),
    ended.then(([code]) => { throw new Error(`the admin app ended with ${code}:\n${log}`); }),
  ]);
  const stop = async () => {
    child.kill();
    await ended;
    process.off('exit', exit);
  };
  return { env: { ADMIN_URL: origin, ...user }, stop };
}
