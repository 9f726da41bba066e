// Serves the built app on loopback, over https when HTTPS is set, and tells the parent its origin once it is ready.
// The pages of next-auth v4 and tRPC v10 are under /api/v4; with GENERATION=v4 they are the ones at /api.
import { createServer } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { fileURLToPath } from 'node:url';
import next from 'next';
import { generate } from 'selfsigned';

const { GENERATION, HTTPS } = process.env;

const server = HTTPS ? createSecureServer(await certificate()) : createServer();
await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
const { port } = server.address();
const origin = `${HTTPS ? 'https' : 'http'}://127.0.0.1:${port}`;
if (GENERATION === 'v4') process.env.NEXTAUTH_URL = origin; // v4 must be told; v5 takes it from the request

const app = next({ dev: false, dir: fileURLToPath(new URL('.', import.meta.url)), hostname: '127.0.0.1', port });
await app.prepare();
const handle = app.getRequestHandler();
server.on('request', (req, res) => {
  if (GENERATION === 'v4') req.url = req.url.replace('/api/', '/api/v4/');
  handle(req, res);
});
process.send(origin);

async function certificate() {
  const { private: key, cert } = await generate([{ name: 'commonName', value: '127.0.0.1' }]);
  return { key, cert };
}
