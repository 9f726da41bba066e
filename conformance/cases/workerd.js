// A Worker in workerd, Cloudflare's own runtime: the extension's taps at it, and the twin's Worker beside it.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import { connect, createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Redis } from '@upstash/redis';
import { Miniflare } from 'miniflare';
import { k6 } from '../k6.js';
import { startTwin } from '../twin.js';

const page = 'https://compassion.com/live';
const utm = 'utm_source=nfc&utm_medium=wristband&utm_campaign=loadtest';
const pool = 100; // bands of each event in the KV
const events = ['nashville', 'dallas', 'denver'].map((name, i) => ({ id: `loadtest-${name}`, prefix: `LOADTEST-E${i + 1}-` }));

async function start() {
  const twin = await startTwin();
  const worker = workerd(twin.env);
  const direct = await worker.unsafeGetDirectURL();
  const kv = await worker.getKVNamespace('REDIRECT_MAP');
  await Promise.all(events.flatMap(({ id, prefix }) => Array.from({ length: pool }, (_, n) => (
    kv.put(prefix + String(n + 1).padStart(6, '0'), JSON.stringify({ url: page, eventId: id, mode: 'live' }))))));
  await kv.put('QUERY', JSON.stringify({ url: `${page}?a=b`, eventId: events[0].id, mode: 'live' }));
  const wire = await listen(direct);
  return {
    redis: new Redis({ url: twin.env.UPSTASH_REDIS_REST_URL, token: twin.env.UPSTASH_REDIS_REST_TOKEN }),
    env: { ...twin.env, WORKER_URL: wire.url },
    twin: twin.env,
    wire,
    stop: () => Promise.all([twin.stop(), worker.dispose(), wire.stop()]),
  };
}

function workerd(bindings) {
  return new Miniflare({
    modules: true,
    scriptPath: fileURLToPath(new URL('../worker.js', import.meta.url)),
    compatibilityDate: '2026-04-01',
    kvNamespaces: ['REDIRECT_MAP'],
    bindings,
    unsafeDirectSockets: [{}], // without miniflare's own router before it
  });
}

// listen passes connections on to target, and counts them.
async function listen(target) {
  const wire = { connections: 0 };
  const server = createServer((from) => {
    wire.connections++;
    const to = connect(target.port, target.hostname);
    for (const [a, b] of [[from, to], [to, from]]) a.on('error', () => b.destroy()).pipe(b);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  wire.url = `http://127.0.0.1:${server.address().port}`;
  wire.stop = () => server.close();
  return wire;
}

// settled waits until count() is n: the Worker records taps after its answers.
async function settled(n, count) {
  for (const deadline = Date.now() + 10_000; await count() < n && Date.now() < deadline;) await delay(20);
  assert.equal(await count(), n, 'taps recorded');
}

// arrived gives the queue's entries, n of them.
async function arrived(redis, n) {
  await settled(n, () => redis.llen('tap-log:pending'));
  return redis.lrange('tap-log:pending', 0, -1);
}

// taken is arrived for the last look at a case's taps: Redis is empty afterwards.
async function taken(redis, n) {
  const entries = await arrived(redis, n);
  await redis.flushdb();
  return entries;
}

const tapped = ({ metrics }) => ({
  taps: metrics.redirect_latency.values.count,
  hits: metrics.kv_hit_rate.values.rate,
  errors: metrics.error_rate.values.rate,
  checks: [metrics.checks.values.passes, metrics.checks.values.fails],
});

const taps = {
  'a hit: a redirect to the page, and no error': async ({ env, redis }) => {
    const run = await k6(({ tap }) => tap({ band: 'LOADTEST-E2-000007', utm: 0 }), env);
    assert.equal(run.value, true);
    assert.deepEqual(tapped(run), { taps: 1, hits: 1, errors: 0, checks: [3, 0] });
    const [{ bandId, eventId, redirectUrl }] = await taken(redis, 1);
    assert.deepEqual({ bandId, eventId, redirectUrl }, { bandId: 'LOADTEST-E2-000007', eventId: 'loadtest-dallas', redirectUrl: page });
  },

  'a miss: the Hub\'s redirect to another page': async ({ env, redis }) => {
    const run = await k6(({ tap }) => tap({ band: 'NOBODY-1' }), env);
    assert.equal(run.value, true);
    assert.deepEqual(tapped(run), { taps: 1, hits: 0, errors: 0, checks: [2, 1] });
    await taken(redis, 0);
  },

  'a miss that the Hub answers in chunks keeps the connection': async () => {
    const hub = http.createServer((_, answer) => {
      answer.writeHead(302, { Location: 'https://elsewhere.example/' }).write('moved ');
      setImmediate(() => answer.end('there'));
    }).listen(0, '127.0.0.1');
    await once(hub, 'listening');
    const worker = workerd({ HUB_URL: `http://127.0.0.1:${hub.address().port}` });
    const wire = await listen(await worker.unsafeGetDirectURL());
    try {
      const { headers } = await fetch(`${wire.url}/e?bandId=NOBODY-1`, { redirect: 'manual' });
      assert.equal(headers.get('Transfer-Encoding'), 'chunked');
      const before = wire.connections;
      const run = await k6((sparkmotion) => sparkmotion.taps(20, { band: 'NOBODY-1' }), { WORKER_URL: wire.url });
      assert.deepEqual(tapped(run), { taps: 20, hits: 0, errors: 0, checks: [40, 20] });
      assert.equal(wire.connections - before, 1);
    } finally {
      await worker.dispose();
      wire.stop();
      hub.close();
    }
  },

  'UTM parameters are on the page\'s URL': async ({ env, redis }) => {
    await k6(({ tap }) => [tap({ band: 'LOADTEST-E1-000001', utm: 1 }), tap({ band: 'QUERY', utm: 1 })], env);
    const urls = (await taken(redis, 2)).map((tap) => tap.redirectUrl);
    assert.deepEqual(urls.sort(), [`${page}?a=b&${utm}`, `${page}?${utm}`]);
  },

  'a VU\'s taps share a connection': async ({ env, redis, wire }) => {
    const before = wire.connections;
    await k6(({ tap }) => Array.from({ length: 50 }, () => tap({ band: 'LOADTEST-E1-000001' })), env);
    assert.equal(wire.connections - before, 1);
    await taken(redis, 50);
  },

  'taps(10) are ten taps': async ({ env, redis }) => {
    const run = await k6((sparkmotion) => sparkmotion.taps(10, { band: 'LOADTEST-E3-000001' }), env);
    assert.equal(run.value, 10);
    assert.deepEqual(tapped(run), { taps: 10, hits: 1, errors: 0, checks: [30, 0] });
    await taken(redis, 10);
  },

  'the VU\'s own transport measures the same': async ({ env, redis }) => {
    const lane = (protocol) => k6(({ tap }, protocol) => (
      [tap({ band: 'LOADTEST-E1-000001', protocol }), tap({ band: 'NOBODY-1', protocol })]), env, protocol);
    const [fast, own] = [await lane('http/1.1'), await lane('h2')];
    assert.deepEqual(own.value, [true, true]);
    assert.deepEqual(tapped(own), tapped(fast));
    const names = ({ metrics }) => Object.keys(metrics).filter((name) => !name.startsWith('generator_')).sort(); // once in 10 ms
    assert.deepEqual(names(own), names(fast));
    await taken(redis, 2);
  },

  'a thousand taps of four VUs: all in the queue and the counters': async ({ env, redis, wire }) => {
    const before = wire.connections;
    const runs = await Promise.all(Array.from({ length: 4 }, () => k6(({ tap, bandID }, count) => {
      for (let n = 0; n < 250; n++) tap({ band: bandID({ count }) });
    }, env, pool)));
    for (const run of runs) assert.deepEqual(tapped(run), { taps: 250, hits: 1, errors: 0, checks: [750, 0] });
    assert.equal(wire.connections - before, 4);
    await arrived(redis, 1000);
    const totals = await redis.mget(...events.map(({ id }) => `analytics:${id}:taps:total`));
    assert.equal(totals.reduce((a, b) => a + b), 1000);
    assert.ok(totals.every((total) => total > 250), `the events' taps: ${totals}`); // a third each, give or take
    const entries = await taken(redis, 1000);
    for (const { bandId } of entries) assert.match(bandId, /^LOADTEST-E[123]-000(0\d\d|100)$/);
    const marked = entries.filter(({ redirectUrl }) => redirectUrl === `${page}?${utm}`).length;
    assert.equal(entries.filter(({ redirectUrl }) => redirectUrl === page).length, 1000 - marked);
    assert.ok(marked > 400 && marked < 600, `with UTM parameters: ${marked}`); // half of them, give or take
  },

  'preflight() probes it': async ({ env, redis }) => {
    const { error, output } = await k6(({ preflight }) => preflight(), env);
    assert.equal(error, undefined, output);
    for (const what of ['/health', ...events.map(({ prefix }) => `${prefix}000001`)]) assert.match(output, RegExp(`✓ worker +${what} `));
    await settled(events.length, async () => { // some may have come before its flush, some after
      const { hub, queue } = await (await fetch(`${env.TWIN_CONTROL_URL}/stats`)).json();
      return hub.flushed + queue.depth;
    });
    await redis.flushdb();
  },
};

const phone = { 'User-Agent': '"phone" \\ <&>', 'CF-Connecting-IP': '203.0.113.7' };

const twin = {
  'the twin\'s Worker answers as this one': async ({ env, twin, redis }) => {
    let hits = 0;
    for (const [method, path] of [
      ['GET', '/e?bandId=LOADTEST-E1-000001'],
      ['GET', '/e?bandId=LOADTEST-E1-000001&utm_source=a%20b&x=1&utm_campaign=c%26d&utm_term=%C3%A9*~(!)%20/&utm_content='],
      ['GET', '/e?utm_source=1&utm_source=2&bandId=LOADTEST-E3-000100&futm_source=no'],
      ['GET', '/e?bandId=LOADTEST%2DE1%2D000001'],
      ['GET', '/e?bandId=LOADTEST-E1-000001&bandId=NOBODY'],
      ['GET', '/e?bandId=NOBODY&utm_source=a'],
      ['GET', '/e?bandId=NO%20BODY%2F%C3%A9%26'],
      ['GET', '/e?bandId=loadtest-e1-000001'],
      ['GET', '/e?bandId=%20LOADTEST-E1-000001'],
      ['GET', '/e'], ['GET', '/e?bandId='], ['GET', '/e?bandid=LOADTEST-E1-000001'],
      ['GET', '/health'], ['GET', '/health?x=1'], ['GET', '/health/'],
      ['GET', '/'], ['GET', '/e/?bandId=LOADTEST-E1-000001'], ['GET', '/E?bandId=LOADTEST-E1-000001'], ['GET', '/unknown'],
      ['GET', '//e?bandId=LOADTEST-E1-000001'], ['GET', '/%65?bandId=LOADTEST-E1-000001'],
      ['HEAD', '/e?bandId=LOADTEST-E1-000001'], ['HEAD', '/health'], ['POST', '/e?bandId=LOADTEST-E1-000001'], ['POST', '/e'],
    ]) {
      const [ours, real] = await Promise.all([twin.WORKER_URL, env.WORKER_URL].map((url) => answer(url, method, path)));
      assert.deepEqual(ours, real, `${method} ${path}`);
      if (real.location?.startsWith(page)) hits += 2;
    }
    await taken(redis, hits);
  },

  'both leave the same in Redis, a tap as SYSTEM.md has it': async ({ env, twin, redis }) => {
    for (const url of [twin.WORKER_URL, env.WORKER_URL]) {
      const began = Date.now();
      await answer(url, 'GET', '/e?bandId=LOADTEST-E2-000042&utm_source=a%20b');
      const [{ tappedAt, ...tap }] = await arrived(redis, 1);
      assert.deepEqual(tap, {
        bandId: 'LOADTEST-E2-000042', eventId: 'loadtest-dallas', mode: 'live', redirectUrl: `${page}?utm_source=a+b`,
        userAgent: phone['User-Agent'], ipAddress: phone['CF-Connecting-IP'],
      });
      assert.ok(Date.parse(tappedAt) >= began && Date.parse(tappedAt) <= Date.now(), tappedAt);
      const velocity = `analytics:loadtest-dallas:velocity:${Math.floor(Date.parse(tappedAt) / 10_000)}`;
      const unique = 'analytics:loadtest-dallas:taps:unique';
      const counters = ['taps:total', `taps:hourly:${tappedAt.slice(0, 13)}`, 'mode:live'].map((name) => `analytics:loadtest-dallas:${name}`);
      assert.deepEqual((await redis.keys('*')).sort(), [...counters, unique, velocity, 'tap-log:pending'].sort());
      assert.deepEqual(await redis.mget(...counters, velocity), [1, 1, 1, 1]);
      assert.equal(await redis.pfcount(unique), 1);
      assert.equal(Math.ceil(await redis.ttl(velocity) / 10), 180);
      await taken(redis, 1);
    }
  },
};

// answer gives what a phone sees, but for a header's spelling.
async function answer(url, method, path) {
  const [response] = await once(http.request(url + path, { method, headers: phone }).end(), 'response');
  const { location, 'content-type': type = '' } = response.headers;
  const body = (await response.setEncoding('utf8').toArray()).join('');
  return { status: response.statusCode, location, type: type.toLowerCase().replaceAll(' ', ''), body };
}

export default [{ counterpart: 'workerd', start, cases: { ...taps, ...twin } }];
