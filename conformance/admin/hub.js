// The Hub: the slow path of taps that the Worker finds no page for, and the flush of the queue into the database.
import Redis from 'ioredis';
import { events, organisation } from './events.js';

const page = 'https://compassion.com/live';
const fallback = 'https://sparkmotion.net/';
const marks = ['utm_source', 'utm_medium', 'utm_campaign', 'utm_term', 'utm_content'];
const pending = 'tap-log:pending';
const batch = 5000;
const patience = 50_000; // ms in which a flush starts batches

/** The database, one for both routes: bands by event, and the taps that were flushed. */
const database = (globalThis.database ??= { events: seeded(), taps: [] });
const redis = (globalThis.redis ??= new Redis(process.env.REDIS_URL, { lazyConnect: true, maxRetriesPerRequest: 1 }));

function seeded() {
  const bands = (prefix) => Array.from({ length: 200 }, (_, i) => prefix + String(i + 1).padStart(6, '0'));
  return new Map(events.map(({ id, prefix }) => [id, new Set(bands(prefix))]));
}

/** resolve gives the Location of a tap, whatever happens; a tap that leads to a page is recorded. */
export async function resolve(url, headers) {
  const { bandId, eventId, orgId, orgSlug, ...query } = Object.fromEntries(url.searchParams);
  const utm = Object.fromEntries(marks.filter((name) => query[name]).map((name) => [name, query[name]]));
  try {
    const event = bandId && ((await find(bandId, eventId, orgSlug)) ?? (await assign(bandId, eventId, { id: orgId, slug: orgSlug })));
    if (!event) return fallback;
    const { windows } = events.find(({ id }) => id === event);
    await record({ bandId, eventId: event, mode: 'live', windowId: windows.LIVE, redirectUrl: page, ...utm,
      userAgent: headers.get('user-agent') ?? undefined, ipAddress: headers.get('x-forwarded-for')?.split(',')[0], tappedAt: new Date().toISOString() });
    return `${page}${Object.keys(utm).length > 0 ? `?${new URLSearchParams(utm)}` : ''}`;
  } catch {
    await failed('hub_db_fallback').catch(() => {});
    return fallback;
  }
}

function failed(error) {
  return redis.incr(`monitoring:errors:${error}`);
}

/** find gives a band's event, which Redis keeps for a minute by what the link says. */
async function find(bandId, eventId, slug) {
  if (bandId.includes('\0')) throw new Error('PostgreSQL takes no NUL');
  if (slug && slug !== organisation.slug && !eventId) return undefined;
  const key = eventId ? `redirect:evt:${eventId}:${bandId}` : slug && `redirect:${slug}:${bandId}`;
  const event = (key && await redis.get(key)) || [...database.events.keys()].find((id) => (
    (!eventId || id === eventId) && database.events.get(id).has(bandId)));
  if (key && event) await redis.set(key, event, 'EX', 60);
  return event;
}

/** assign gives an organisation's unknown band to one of its events; it is known from then on. */
async function assign(bandId, eventId, { id, slug }) {
  const known = slug ? slug === organisation.slug : eventId && id === organisation.id;
  if (!known) return void (await failed(slug ? 'auto_assign_failed' : 'no_org_slug'));
  const event = database.events.has(eventId) ? eventId : events[0].id;
  database.events.get(event).add(bandId);
  return event;
}

async function record(tap) {
  const analytics = `analytics:${tap.eventId}`;
  const velocity = `${analytics}:velocity:${Math.floor(Date.parse(tap.tappedAt) / 10_000)}`;
  await redis.pipeline()
    .incr(`${analytics}:taps:total`).pfadd(`${analytics}:taps:unique`, tap.bandId)
    .incr(`${analytics}:taps:hourly:${tap.tappedAt.slice(0, 13)}`).incr(`${analytics}:mode:${tap.mode}`)
    .incr(velocity).expire(velocity, 1800).lpush(pending, JSON.stringify(tap)).incr('monitoring:taps:received').exec();
}

const take = `
  local taps = redis.call('LRANGE', KEYS[1], 0, ARGV[1] - 1)
  redis.call('LTRIM', KEYS[1], ARGV[1], -1)
  return taps`;

/** flush moves the queue into the database, batch by batch; one that fails goes back, and is tried again. */
export async function flush() {
  const began = Date.now();
  const sum = { flushed: 0, dropped: 0, batches: 0, failedBatches: 0 };
  while (Date.now() - began < patience) {
    const entries = await redis.eval(take, 1, pending, batch);
    if (entries.length === 0) break;
    try {
      const { written, dropped } = write(entries);
      sum.flushed += written;
      sum.dropped += dropped;
      sum.batches++;
    } catch {
      await redis.rpush(pending, ...entries);
      sum.failedBatches++;
    }
  }
  await redis.pipeline().incrby('monitoring:taps:flushed', sum.flushed).incrby('monitoring:taps:dropped', sum.dropped).exec();
  return { success: true, ...sum, remaining: await redis.llen(pending), durationMs: Date.now() - began };
}

/** write is one transaction: it throws before anything is written. A tap whose band is unknown is dropped. */
function write(entries) {
  const taps = entries.map((entry) => JSON.parse(entry));
  const unknown = taps.find(({ eventId }) => !database.events.has(eventId));
  if (unknown) throw new Error(`no event ${unknown.eventId}`);
  const kept = taps.filter(({ eventId, bandId }) => database.events.get(eventId).has(bandId));
  database.taps.push(...kept);
  return { written: kept.length, dropped: taps.length - kept.length };
}
