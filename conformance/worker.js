// SparkMotion's Worker, written for these tests in Cloudflare's own API: a band's link leads to its page by the KV, else
// to the Hub, and the tap is recorded after the answer.
export default {
  async fetch(request, env, ctx) {
    const url = new URL(request.url);
    if (url.pathname === '/health') return Response.json({ status: 'ok' });
    if (url.pathname !== '/e') return new Response('Not Found', { status: 404 });
    const bandId = url.searchParams.get('bandId');
    if (!bandId) return new Response('Missing bandId', { status: 400 });
    const band = await env.REDIRECT_MAP.get(bandId, 'json');
    if (!band) return fetch(new Request(env.HUB_URL + url.pathname + url.search, request), { redirect: 'manual' });
    const page = new URL(band.url);
    for (const [name, value] of url.searchParams) {
      if (name.startsWith('utm_')) page.searchParams.append(name, value);
    }
    ctx.waitUntil(record(env, {
      bandId,
      eventId: band.eventId,
      mode: band.mode,
      redirectUrl: page.href,
      userAgent: request.headers.get('User-Agent') ?? '',
      ipAddress: request.headers.get('CF-Connecting-IP') ?? '',
      tappedAt: new Date().toISOString(),
    }));
    return Response.redirect(page.href, 302);
  },
};

async function record(env, tap) {
  const analytics = `analytics:${tap.eventId}`;
  const velocity = `${analytics}:velocity:${Math.floor(Date.parse(tap.tappedAt) / 10_000)}`;
  const answer = await fetch(`${env.UPSTASH_REDIS_REST_URL}/pipeline`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${env.UPSTASH_REDIS_REST_TOKEN}` },
    body: JSON.stringify([
      ['INCR', `${analytics}:taps:total`],
      ['PFADD', `${analytics}:taps:unique`, tap.bandId],
      ['INCR', `${analytics}:taps:hourly:${tap.tappedAt.slice(0, 13)}`],
      ['INCR', `${analytics}:mode:${tap.mode}`],
      ['INCR', velocity],
      ['EXPIRE', velocity, 1800],
      ['LPUSH', 'tap-log:pending', JSON.stringify(tap)],
    ]),
  });
  await answer.arrayBuffer(); // or the connection is not free for the next tap
}
