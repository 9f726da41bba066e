// SparkMotion's Worker, written for these tests in Cloudflare's own API and with Upstash's own client: a band's link leads
// to its page by the KV, else to the Hub, and the tap is recorded after the answer.
import { Redis } from '@upstash/redis/cloudflare';

const marks = ['utm_source', 'utm_medium', 'utm_campaign', 'utm_term', 'utm_content'];

const security = {
  'Strict-Transport-Security': 'max-age=31536000; includeSubDomains',
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Referrer-Policy': 'strict-origin-when-cross-origin',
  'X-XSS-Protection': '1; mode=block',
};

export default {
  async fetch(request, env, ctx) {
    return secured(await answer(request, env, ctx).catch(() => {
      ctx.waitUntil(count(env, 'worker_unhandled'));
      return redirect(env.FALLBACK_URL || 'https://sparkmotion.net');
    }));
  },
};

async function answer(request, env, ctx) {
  const url = new URL(request.url);
  if (url.pathname === '/health') return Response.json({ status: 'ok' });
  if (url.pathname !== '/e') return Response.json({ error: 'Not found' }, { status: 404 });
  const bandId = url.searchParams.get('bandId');
  if (!bandId) return Response.json({ error: 'Missing bandId' }, { status: 400 });
  const [, staff] = /(?:^|; *)sm-scan-mode=([^;]+)/.exec(request.headers.get('Cookie')) ?? [];
  if (staff && decodeURIComponent(staff)) return scanned(); // it throws for what is no UTF-8
  const band = await lookup(env.REDIRECT_MAP, url, bandId);
  if (!band) return proxied(request, url, env);
  const page = marked(band.url, url.searchParams);
  ctx.waitUntil(record(env, { bandId, ...tap(request, band) }));
  return redirect(page);
}

/** lookup reads the KV under the keys that a link stands for. */
async function lookup(kv, url, bandId) {
  const eventId = url.searchParams.get('eventId');
  const keys = eventId ? [`evt:${eventId}:${bandId}`] : slug(url) ? [`${slug(url)}:${bandId}`, bandId] : [];
  for (const key of keys) {
    const band = await kv.get(key, { type: 'json', cacheTtl: 30 });
    if (band) return band;
  }
}

/** slug is the organisation's, by the first label of a host; one of less than three labels has none. */
function slug({ hostname }) {
  const labels = hostname.split('.');
  return labels.length >= 3 ? labels[0] : '';
}

/** proxied asks the Hub, which is told what the link says and whose phone it is, and no more. */
async function proxied(request, url, env) {
  const hub = new URL('/e', env.HUB_URL);
  const said = (name) => (name === 'orgSlug' ? slug(url) : url.searchParams.get(name));
  for (const name of ['bandId', 'orgSlug', 'eventId', 'orgId', ...marks]) if (said(name)) hub.searchParams.set(name, said(name));
  const headers = { 'User-Agent': request.headers.get('User-Agent') ?? '', 'X-Forwarded-For': request.headers.get('CF-Connecting-IP') ?? '' };
  return fetch(hub, { headers, redirect: 'manual' }).catch(() => redirect(env.FALLBACK_URL || 'https://sparkmotion.io'));
}

function marked(page, query) {
  if (!marks.some((name) => query.has(name))) return page;
  const target = new URL(page);
  for (const name of marks) if (query.get(name)) target.searchParams.set(name, query.get(name));
  return target.href;
}

function tap(request, { url, eventId, mode, windowId }) {
  return {
    eventId, mode, windowId: windowId ?? undefined, redirectUrl: url,
    userAgent: request.headers.get('User-Agent') ?? undefined, ipAddress: request.headers.get('CF-Connecting-IP') ?? undefined,
    tappedAt: new Date().toISOString(),
  };
}

async function record(env, tap) {
  const analytics = `analytics:${tap.eventId}`;
  const velocity = `${analytics}:velocity:${Math.floor(Date.parse(tap.tappedAt) / 10_000)}`;
  await Redis.fromEnv(env).pipeline()
    .incr(`${analytics}:taps:total`)
    .pfadd(`${analytics}:taps:unique`, tap.bandId)
    .incr(`${analytics}:taps:hourly:${tap.tappedAt.slice(0, 13)}`)
    .incr(`${analytics}:mode:${tap.mode}`)
    .incr(velocity)
    .expire(velocity, 1800)
    .lpush('tap-log:pending', JSON.stringify(tap))
    .incr('monitoring:taps:received')
    .exec()
    .catch(() => count(env, 'worker_log_failed'));
}

/** count is for whoever looks after the system; it fails where the record failed. */
function count(env, error) {
  return Redis.fromEnv(env).incr(`monitoring:errors:${error}`).catch(() => {});
}

const scanned = () => new Response('<!doctype html><title>Scan</title>', { headers: { 'Content-Type': 'text/html; charset=utf-8' } });
const redirect = (location) => new Response(null, { status: 302, headers: { Location: location } });

function secured(answer) {
  const headers = new Headers(answer.headers);
  for (const [name, value] of Object.entries(security)) headers.set(name, value);
  return new Response(answer.body, { status: answer.status, headers });
}
