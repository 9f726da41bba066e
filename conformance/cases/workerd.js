// A Worker in workerd, Cloudflare's own runtime, before a Hub of Next.js: the extension's taps at them, and the twin's
// Worker beside them.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import { connect, createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Redis } from '@upstash/redis';
import { build } from 'esbuild';
import { Miniflare } from 'miniflare';
import { startAdmin } from '../admin.js';
import { events, organisation } from '../admin/events.js';
import { differences, holds } from '../differences.js';
import { k6 } from '../k6.js';
import { startTwin } from '../twin.js';

const page = 'https://compassion.com/live';
const utm = 'utm_source=nfc&utm_medium=wristband&utm_campaign=loadtest';
const pool = 100; // bands of each event in the KV; the Hub knows twice as many

/** Hosts that a tap can be at besides 127.0.0.1, an organisation's too: the same one's, another's, the naked domain. */
const [subdomain, another, naked] = [`${organisation.slug}.sparkmotion.net`, 'nobody.sparkmotion.net', 'sparkmotion.net'];
const direct = ({ id }) => `eventId=${id}&orgId=${organisation.id}&`;
const directly = {
  DIRECT_URL: `http://${naked}`, LOADTEST_ORG_ID: organisation.id, LOADTEST_EVENT_IDS: events.map(({ id }) => id).join(), ALLOWED_HOSTS: naked,
};

/** What the KV holds besides the pool, without an organisation: a page with a query, a band that the database does not know, a page that is none. */
const others = { BARE: {}, QUERY: { url: `${page}?a=b` }, GHOST: {}, BROKEN: { url: 'no page' } };

async function start() {
  const twin = await startTwin('-bands', String(pool));
  const hub = await startAdmin({ REDIS_URL: twin.env.TWIN_REDIS_URL, CRON_SECRET: twin.env.CRON_SECRET });
  const env = { ...twin.env, HUB_URL: hub.env.ADMIN_URL };
  const worker = await workerd(env);
  const unreached = await workerd({ ...env, HUB_URL: 'http://127.0.0.1:1' });
  const [wire, dark] = await Promise.all([worker, unreached].map(async (one) => listen(await one.unsafeGetDirectURL())));
  await fill(await worker.getKVNamespace('REDIRECT_MAP'));
  return {
    redis: new Redis({ url: env.UPSTASH_REDIS_REST_URL, token: env.UPSTASH_REDIS_REST_TOKEN }),
    env: { ...env, WORKER_URL: wire.url, HOSTS: JSON.stringify({ [subdomain]: wire.address, [naked]: wire.address }) },
    faults: (faults) => fetch(`${env.TWIN_CONTROL_URL}/faults`, { method: 'PUT', body: JSON.stringify(faults) }),
    twin: twin.env,
    dark: dark.url,
    wire,
    stop: async () => {
      for (const one of [wire, dark]) one.stop();
      await Promise.all([hub.stop(), worker.dispose(), unreached.dispose()]);
      await twin.stop();
    },
  };
}

// fill puts each band under both of its keys, as the Admin does, and the others under the key that was before those.
async function fill(kv) {
  const put = (keys, event, value) => keys.map((key) => (
    kv.put(key, JSON.stringify({ url: page, eventId: event.id, mode: 'live', windowId: event.windows.LIVE, ...value }))));
  for (const event of events) {
    const bands = Array.from({ length: pool }, (_, n) => event.prefix + String(n + 1).padStart(6, '0'));
    await Promise.all(put(bands.flatMap((band) => [`${organisation.slug}:${band}`, `evt:${event.id}:${band}`]), event));
  }
  for (const [band, value] of Object.entries(others)) await Promise.all(put([band], events[0], value));
}

// workerd runs the Worker, in one file as wrangler uploads it.
async function workerd(bindings) {
  const { outputFiles: [{ text: script }] } = await build({
    entryPoints: [fileURLToPath(new URL('../worker.js', import.meta.url))],
    bundle: true, format: 'esm', conditions: ['workerd', 'worker', 'browser'], write: false,
  });
  return new Miniflare({
    modules: true,
    script,
    compatibilityDate: '2024-12-18',
    kvNamespaces: ['REDIRECT_MAP'],
    bindings,
    unsafeDirectSockets: [{}], // without miniflare's own router before it
  });
}

// listen passes connections on to target, counts them, and keeps what they send.
async function listen(target) {
  const wire = { connections: 0, sent: '' };
  const server = createServer((from) => {
    wire.connections++;
    from.on('data', (bytes) => (wire.sent += bytes));
    const to = connect(target.port, target.hostname);
    for (const [a, b] of [[from, to], [to, from]]) a.on('error', () => b.destroy()).pipe(b);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  wire.address = `127.0.0.1:${server.address().port}`;
  wire.url = `http://${wire.address}`;
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
  hits: metrics.kv_hit_rate?.values.rate, // missing when all led to a fallback
  errors: metrics.error_rate.values.rate,
  checks: [metrics.checks.values.passes, metrics.checks.values.fails],
});

const taps = {
  'a hit: a redirect to the page, and no error': async ({ env, redis }) => {
    const run = await k6(({ tap }) => tap({ band: 'LOADTEST-E2-000007', utm: 0 }), env);
    assert.equal(run.value, true);
    assert.deepEqual(tapped(run), { taps: 1, hits: 1, errors: 0, checks: [3, 0] });
    const [{ bandId, eventId, redirectUrl }] = await taken(redis, 1);
    assert.deepEqual({ bandId, eventId, redirectUrl }, { bandId: 'LOADTEST-E2-000007', eventId: events[1].id, redirectUrl: page });
  },

  'a hit on an organisation\'s subdomain': async ({ env, redis }) => {
    const run = await k6(({ tap }) => tap({ band: 'LOADTEST-E1-000007' }), { ...env, WORKER_URL: `http://${subdomain}` });
    assert.deepEqual(tapped(run), { taps: 1, hits: 1, errors: 0, checks: [3, 0] });
    await taken(redis, 1);
  },

  'direct links: each band under its event is a hit': async ({ env, redis, wire }) => {
    wire.sent = '';
    const run = await k6(({ tap }, bands) => bands.map((band) => tap({ form: 'direct', band, utm: 0 })),
      { ...env, ...directly }, events.map(({ prefix }) => `${prefix}000007`));
    assert.deepEqual(run.value, [true, true, true]);
    assert.deepEqual(tapped(run), { taps: 3, hits: 1, errors: 0, checks: [9, 0] });
    const asked = wire.sent.match(/(?<=GET \/e\?)\S+/g);
    assert.deepEqual(asked, events.map((event) => `${direct(event)}bandId=${event.prefix}000007`));
    const entries = await taken(redis, 3);
    assert.deepEqual(entries.map(({ bandId, eventId }) => [bandId, eventId]).sort(), events.map(({ id, prefix }) => [`${prefix}000007`, id]));
  },

  'direct links by options: a band that only the Hub knows is no hit': async ({ env, redis }) => {
    const { DIRECT_URL: directURL, LOADTEST_ORG_ID: orgID } = directly;
    const run = await k6(({ taps }, options) => [
      taps(3, { ...options, band: 'LOADTEST-E3-000150' }), taps(1, { ...options, band: 'LOADTEST-E3-000001' }),
    ], env, { form: 'direct', directURL, orgID, eventIDs: events.map(({ id }) => id) });
    assert.deepEqual(run.value, [3, 1]);
    assert.deepEqual(tapped(run), { taps: 4, hits: 0.25, errors: 0, checks: [12, 0] });
    for (const { eventId } of await taken(redis, 4)) assert.equal(eventId, events[2].id);
  },

  'links without an organisation: the KV is not read, so all are the Hub\'s, and no hits': async ({ env, redis }) => {
    const run = await k6(({ taps }) => taps(5, { band: 'LOADTEST-E1-000001' }), { ...env, WORKER_URL: `http://${naked}` });
    assert.deepEqual(tapped(run), { taps: 5, hits: 0, errors: 0, checks: [15, 0] });
    await taken(redis, 5);
  },

  'a band that only the Hub knows: no hit, and its redirect to the page is recorded once, with UTM values': async ({ env, redis }) => {
    const run = await k6(({ tap }) => tap({ band: 'LOADTEST-E1-000150', utm: 1 }), env);
    assert.equal(run.value, true);
    assert.deepEqual(tapped(run), { taps: 1, hits: 0, errors: 0, checks: [3, 0] });
    const [{ bandId, redirectUrl, utm_source: source }] = await taken(redis, 1);
    assert.deepEqual([bandId, redirectUrl, source], ['LOADTEST-E1-000150', page, 'nfc']);
  },

  'a band that nobody knows is its organisation\'s from then on: no hit, and no error': async ({ env, redis }) => {
    const run = await k6(({ taps }) => taps(2, { band: 'NOBODY-3' }), env);
    assert.deepEqual(tapped(run), { taps: 2, hits: 0, errors: 0, checks: [6, 0] });
    for (const { eventId } of await taken(redis, 2)) assert.equal(eventId, events[0].id);
  },

  'a miss that the Hub does not know either: errors, over one kept connection in spite of its chunks': async ({ env, redis, wire }) => {
    const before = wire.connections;
    const run = await k6((sparkmotion) => sparkmotion.taps(20, { band: 'NOBODY-1' }), { ...env, WORKER_URL: `http://${naked}` });
    assert.equal(run.value, 0);
    assert.deepEqual(tapped(run), { taps: 20, hits: undefined, errors: 1, checks: [40, 20] });
    assert.match(run.output, /302 Found to https:\/\/sparkmotion\.net\/\. That is a fallback \(FALLBACK_HOST\)/);
    assert.equal(wire.connections - before, 1);
    assert.equal(await redis.get('monitoring:errors:no_org_slug'), 20);
    await taken(redis, 0);
  },

  'no Hub: a redirect to the fallback, which is an error': async ({ env, dark, redis }) => {
    const run = await k6(({ tap }) => tap({ band: 'NOBODY-1' }), { ...env, WORKER_URL: dark });
    assert.equal(run.value, false);
    assert.deepEqual(tapped(run), { taps: 1, hits: undefined, errors: 1, checks: [2, 1] });
    assert.equal((await answer(dark, 'GET', '/e?bandId=NOBODY-1')).location, 'https://sparkmotion.io');
    assert.deepEqual(await redis.keys('*'), []);
  },

  'an error of the Worker\'s own: a redirect to the other fallback, and a counter': async ({ env, redis }) => {
    const run = await k6(({ tap }) => tap({ band: 'BROKEN', utm: 1 }), env);
    assert.equal(run.value, false);
    assert.deepEqual(tapped(run), { taps: 1, hits: undefined, errors: 1, checks: [2, 1] });
    await settled(1, () => redis.get('monitoring:errors:worker_unhandled'));
    assert.equal((await answer(env.WORKER_URL, 'GET', '/e?bandId=BROKEN&utm_source=a')).location, 'https://sparkmotion.net');
    await settled(2, () => redis.get('monitoring:errors:worker_unhandled'));
    await taken(redis, 0);
  },

  ...Object.fromEntries([429, 500].map((status) => [
    `Upstash answers ${status} to some: all taps redirected, and those lost nobody else knows of`, async ({ env, redis, faults }) => {
      const before = await upstash(env);
      await faults({ upstash: { errorRate: 0.4, status } });
      const run = await k6((sparkmotion) => sparkmotion.taps(200, { band: 'LOADTEST-E1-000001' }), env);
      await handled(200, env, before);
      await faults({});
      assert.deepEqual(tapped(run), { taps: 200, hits: 1, errors: 0, checks: [600, 0] });
      const kept = await redis.llen('tap-log:pending');
      const [received, failed] = await redis.mget('monitoring:taps:received', 'monitoring:errors:worker_log_failed');
      assert.ok(kept > 80 && kept < 160, `in the queue: ${kept}`); // 6 deviations around 120
      assert.equal(received, kept);
      assert.ok(failed < 200 - kept, `${failed} lost by the Worker's counter, ${200 - kept} by ours`); // which is lost alike
      await redis.flushdb();
    },
  ])),

  'flushTaps(): what the Hub answers, and the ledger is even': async ({ env, redis }) => {
    await k6(({ taps }) => [taps(20, { band: 'LOADTEST-E1-000001' }), taps(3, { band: 'GHOST' })], env);
    await arrived(redis, 23);
    const { value, error, metrics } = await k6(({ flushTaps }) => flushTaps(), env);
    assert.equal(error, undefined);
    const { durationMs, ...flushed } = value;
    assert.deepEqual(flushed, { success: true, flushed: 20, dropped: 3, batches: 1, failedBatches: 0, remaining: 0 });
    assert.ok(durationMs >= 0 && durationMs < 10_000, `durationMs: ${durationMs}`);
    assert.deepEqual([metrics.cron_flushed.values.count, metrics.cron_dropped.values.count, metrics.cron_errors.values.rate], [20, 3, 0]);
    const ledger = ['received', 'flushed', 'dropped'].map((name) => `monitoring:taps:${name}`);
    assert.deepEqual(await redis.mget(...ledger), [23, 20, 3]);
    const { error: refused } = await k6(({ flushTaps }) => flushTaps(), { ...env, CRON_SECRET: 'of another Hub' });
    assert.match(refused.message, /401.*CRON_SECRET/);
    await redis.flushdb();
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
      [tap({ band: 'LOADTEST-E1-000001', protocol }), tap({ band: 'NOBODY-4', protocol })]), env, protocol);
    const [fast, own] = [await lane('http/1.1'), await lane('h2')];
    assert.deepEqual(own.value, [true, true]);
    assert.deepEqual(tapped(own), tapped(fast));
    const names = ({ metrics }) => Object.keys(metrics).filter((name) => !name.startsWith('generator_')).sort(); // once in 10 ms
    assert.deepEqual(names(own), names(fast));
    assert.equal(tapped(own).hits, 0.5);
    await taken(redis, 4);
  },

  'a thousand taps of four VUs: all in the queue and the counters': async ({ env, redis, wire }) => {
    const before = wire.connections;
    wire.sent = '';
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
    assert.ok(entries.every(({ redirectUrl }) => redirectUrl === page), 'a page with UTM parameters is in the queue');
    const marked = wire.sent.split(`&${utm} `).length - 1;
    assert.ok(marked > 400 && marked < 600, `with UTM parameters: ${marked}`); // half of them, give or take
  },

  'preflight() probes it, by both forms of link': async ({ env, redis }) => {
    const { error, output } = await k6(({ preflight }) => preflight(), { ...env, ...directly });
    assert.equal(error, undefined, output);
    const taps = events.flatMap(({ prefix }) => [`${prefix}000001 subdomain`, `${prefix}000001 direct`]);
    assert.match(output, /✓ worker +\/health +ok$/m);
    for (const tap of taps) assert.match(output, RegExp(`✓ worker +${tap} +302 to compassion\\.com, from the KV$`, 'm'));
    await settled(taps.length, async () => { // some may have come before its flush, some after
      const [flushed, pending] = await redis.pipeline().get('monitoring:taps:flushed').llen('tap-log:pending').exec();
      return flushed + pending;
    });
    await redis.flushdb();
  },

  'preflight() tells that a host has no organisation, so that the KV is never read': async ({ env, redis }) => {
    const { error } = await k6(({ preflight }) => preflight({ parts: ['worker'] }), { ...env, ...directly, WORKER_URL: `http://${naked}` });
    assert.match(error.message, /^preflight: 3 of 7 probes failed/);
    assert.match(error.message, /was redirected by the Hub, so it is not a KV hit\. sparkmotion\.net has fewer than three labels/);
    await taken(redis, 6);
  },
};

const phone = { 'User-Agent': '"phone" \\ <&>', 'CF-Connecting-IP': '203.0.113.7' };

/** What a hit carries and what comes by way of the Hub, over HTTP/1.1: [status, framing, Date, Vary] and where to. */
const answers = {
  'a hit, on a subdomain': [subdomain, 'bandId=LOADTEST-E1-000001', '302 0 - -', page],
  'a hit, by the direct link': [naked, `${direct(events[0])}bandId=LOADTEST-E1-000001`, '302 0 - -', page],
  'a hit, by the bare key': [another, 'bandId=BARE', '302 0 - -', page],
  'a hit on a page with a query': [another, 'bandId=QUERY&utm_source=x&utm_id=5&utm_term=', '302 0 - -', `${page}?a=b&utm_source=x`],
  'a host of two labels': [naked, 'bandId=LOADTEST-E1-000001', '302 chunked Date RSC', page],
  'another organisation': [another, 'bandId=NOBODY-1', '302 chunked Date RSC', 'https://sparkmotion.net/'],
  'another event, to which the Hub assigns the band': [naked, `${direct(events[1])}bandId=LOADTEST-E1-000001`, '302 chunked Date RSC', page],
  'by the Hub to the page': [naked, `${direct(events[0])}bandId=LOADTEST-E1-000150`, '302 chunked Date RSC', page],
  'by the Hub to its fallback': [naked, 'bandId=NOBODY-1', '302 chunked Date RSC', 'https://sparkmotion.net/'],
  'by the Hub to the page: a band that it assigns': [subdomain, 'bandId=NOBODY-2', '302 chunked Date RSC', page],
};

const framed = {
  'a hit and the Hub\'s answer carry different headers': async ({ env, redis }) => {
    for (const [title, [host, query, carries, location]] of Object.entries(answers)) {
      const [{ statusCode, headers }] = await once(http.get(`${env.WORKER_URL}/e?${query}`, { headers: { host } }), 'response');
      const framing = headers['content-length'] ?? headers['transfer-encoding'];
      const vary = headers.vary?.split(',')[0] ?? '-';
      assert.equal(`${statusCode} ${framing} ${headers.date ? 'Date' : '-'} ${vary} ${headers.location}`, `${carries} ${location}`, title);
      for (const name of security) assert.ok(headers[name], `${title}: no ${name}`);
    }
    await taken(redis, 8);
  },
};

const recorded = {
  'a tap leaves its entry and its counters': async ({ env, redis }) => {
    const [{ id: eventId, windows }, band] = [events[1], 'LOADTEST-E2-000042'];
    const event = `analytics:${eventId}`;
    assert.deepEqual(await left(env.WORKER_URL, redis), {
      tap: {
        bandId: band, eventId, windowId: windows.LIVE, mode: 'live', redirectUrl: page,
        userAgent: phone['User-Agent'], ipAddress: phone['CF-Connecting-IP'],
      },
      keys: {
        [`${event}:mode:live`]: '1', [`${event}:taps:hourly:HOUR`]: '1', [`${event}:taps:total`]: '1', [`${event}:taps:unique`]: '1',
        [`${event}:velocity:NOW`]: '1, for 1800 s', 'monitoring:taps:received': '1', 'tap-log:pending': '1',
      },
    });
  },
};

const security = ['strict-transport-security', 'x-content-type-options', 'x-frame-options', 'referrer-policy', 'x-xss-protection'];

/** What both Workers are asked: method and path, with headers. Bands that only one of them knows are left out. */
const requests = Object.fromEntries([
  ...[
    '/e?bandId=LOADTEST-E1-000001&utm_source=a%20b&x=1&utm_campaign=c%26d&utm_term=%C3%A9*~(!)%20/&utm_content=',
    '/e?utm_source=1&utm_source=2&bandId=LOADTEST-E3-000100&futm_source=no&utm_id=5',
    '/e?bandId=LOADTEST%2DE1%2D000001',
    '/e?bandId=LOADTEST-E1-000001&bandId=NOBODY',
    '/e?bandId=NOBODY&utm_source=a',
    '/e?bandId=NO%20BODY%2F%C3%A9%26', '/e?bandId=loadtest-e1-000001', '/e?bandId=%20LOADTEST-E1-000001',
    '/e?bandId=NO%00BODY', `/e?bandId=${'x'.repeat(512)}`,
    '/e', '/e?bandId=', '/e?bandid=LOADTEST-E1-000001',
    '/health', '/health?x=1', '/health/',
    '/', '/e/?bandId=LOADTEST-E1-000001', '/E?bandId=LOADTEST-E1-000001', '/unknown', '//e?bandId=LOADTEST-E1-000001',
    '/%65?bandId=LOADTEST-E1-000001',
  ].map((path) => [`GET ${path}`, {}]),
  ...['HEAD /e?bandId=LOADTEST-E1-000001', 'HEAD /health', 'POST /e?bandId=LOADTEST-E1-000001', 'POST /e'].map((line) => [line, {}]),
  ...Object.values(answers).filter(([, query]) => !/BARE|QUERY/.test(query)).map(([host, query]) => [`GET /e?${query}`, { host }])
    .map(([line, headers]) => [`${line} at ${headers.host}`, headers]),
  [`GET /e?${direct({ id: '' })}bandId=LOADTEST-E1-000001 at ${subdomain}`, { host: subdomain }],
  ['GET /e?bandId=LOADTEST-E1-000001 of staff', { cookie: 'a=b; sm-scan-mode=1' }],
  ['GET /e?bandId=LOADTEST-E1-000001 of staff, not decodable', { cookie: 'sm-scan-mode=%E0%A4%A' }],
  ['GET /health of staff', { cookie: 'sm-scan-mode=1' }],
]);

const twin = {
  ...Object.fromEntries(Object.entries(requests).map(([title, headers]) => [
    `the twin's Worker: ${title}`, async ({ env, twin }) => {
      const [method, path] = title.split(' ');
      const [real, ours] = await Promise.all([env, twin].map(({ WORKER_URL }) => answer(WORKER_URL, method, path, headers)));
      holds(differences(real, ours));
    }])),

  'the twin\'s Worker leaves the same in Redis': async ({ env, twin, redis }) => {
    const [real, ours] = [await left(env.WORKER_URL, redis), await left(twin.WORKER_URL, redis)];
    holds(differences(real, ours));
  },
};

// left gives what one tap leaves in Redis: its entry in the queue, and all keys without their times, with their values.
async function left(url, redis) {
  await redis.flushdb();
  const began = Date.now();
  await answer(url, 'GET', '/e?bandId=LOADTEST-E2-000042&utm_source=a%20b');
  const [{ tappedAt, ...tap }] = await arrived(redis, 1);
  assert.ok(Date.parse(tappedAt) >= began && Date.parse(tappedAt) <= Date.now(), tappedAt);
  const plain = (key) => key.replace(tappedAt.slice(0, 13), 'HOUR').replace(/velocity:\d+$/, (at) => (
    at === `velocity:${Math.floor(Date.parse(tappedAt) / 10_000)}` ? 'velocity:NOW' : at));
  const read = { string: 'get', list: 'llen' };
  const entries = await Promise.all((await redis.keys('*')).sort().map(async (key) => {
    const value = key.endsWith(':unique') ? redis.pfcount(key) : redis[read[await redis.type(key)]](key);
    const ttl = await redis.ttl(key);
    return [plain(key), `${await value}${ttl < 0 ? '' : `, for ${Math.ceil(ttl / 10)}0 s`}`];
  }));
  await redis.flushdb();
  return { tap, keys: Object.fromEntries(entries) };
}

/**
 * answer gives what a phone sees in a form in which two of the same kind are equal: without what is new each time, and
 * without values and words that are each Worker's own.
 */
async function answer(url, method, path, headers) {
  const [response] = await once(http.request(url + path, { method, headers: { ...phone, ...headers } }).end(), 'response');
  const body = (await response.setEncoding('utf8').toArray()).join('');
  const { location, vary, 'content-type': type = '', ...rest } = response.headers;
  return {
    status: response.statusCode, location, vary: vary?.split(', ').slice(0, 1).join(),
    framing: rest['transfer-encoding'] ?? (rest['content-length'] === '0' ? '0' : 'its length'),
    type: type.toLowerCase().replaceAll(' ', ''),
    body: type.startsWith('application/json') && body ? Object.keys(JSON.parse(body)) : body.replace(/^<[^]*/, 'PAGE'),
    security: security.filter((name) => rest[name]),
  };
}

// handled waits until Upstash was asked about each of n taps, and once more for each that it did not take.
async function handled(n, env, before) {
  await settled(2 * n, async () => {
    const after = await upstash(env);
    const [requests, commands, faults] = ['requests', 'commands', 'faults'].map((name) => after[name] - before[name]);
    const kept = (commands - requests) / 7; // a tap is eight commands, and the counter of the others one
    return requests + faults + kept;
  });
}

async function upstash(env) {
  return (await (await fetch(`${env.TWIN_CONTROL_URL}/stats`)).json()).upstash;
}

export default [{ counterpart: 'workerd', start, cases: { ...taps, ...framed, ...recorded, ...twin } }];
