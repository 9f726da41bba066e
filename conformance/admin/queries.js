import { z } from 'zod';
import { events } from './events.js';

const time = z.string().datetime({ offset: true });
const eventId = z.string();
const optional = z.string().optional();

/** Procedures of `analytics`: each its input's schema, and what it answers. */
export const queries = {
  kpis: [z.object({ from: time, to: time, eventId: optional, orgId: optional }), () => ({
    totalTaps: 3_200_000, uniqueBands: 187_340, activeEvents: 3, tpm: 4_512, peakTpm: 300_211, bandActivityPercent: 93.7,
    avgTapsPerBand: 17.1, postEventTaps: 0, modeDistribution: { PRE: 0, LIVE: 0, POST: 0, pre: 90_000, live: 3_100_000, post: 10_000 },
  })],
  velocityHistory: [z.object({ eventId }), () => series(180, (i) => ({ bucket: 177_226_560 + i, count: count(i) }))],
  eventSummary: [z.object({ eventId, windowId: optional, from: time.optional(), to: time.optional() }), () => ({
    bandCount: 200_000, tapCount: 1_066_667, uniqueBands: 62_446, repeatBands: 60_001, engagementPercent: 31.2, estimatedAttendees: 200_000,
  })],
  tapsByHour: [z.object({ eventId, hours: z.number().min(1).max(168).default(24) }), ({ hours }) => series(Math.floor(hours), (i) => ({ hour: hour(i), count: count(i) }))],
  exportTaps: [z.object({ from: time, to: time, eventId: optional }), ({ from }) => series(50_000, (i) => ({
    bandId: `LOADTEST-E1-${String(i + 1).padStart(6, '0')}`, eventName: 'Nashville · “later” 🎫', eventCity: 'Nashville', eventState: 'TN',
    tappedAt: new Date(Date.parse(from) + i).toISOString(), modeServed: 'LIVE', redirectUrl: 'https://compassion.com/live',
    ipAddress: i % 2 ? null : `10.0.${i >> 8 & 255}.${i & 255}`, userAgent: 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X)',
  }))],
};

/** windows are the first event's three pages, as the database has them; one at most is active. */
export const windows = Object.entries(events[0].windows).map(([windowType, id], i) => ({
  id, eventId: events[0].id, windowType, title: null, url: `https://compassion.com/${windowType.toLowerCase()}`,
  startTime: null, endTime: null, isManual: false,
  isActive: windowType === 'LIVE', createdAt: new Date(0), updatedAt: new Date(0),
}));

function toggle({ id, isActive }) {
  const one = windows.find((window) => window.id === id);
  if (!one) throw new Error(`no window ${id}`);
  if (isActive) for (const other of windows) if (other.eventId === one.eventId) other.isActive = false;
  return Object.assign(one, { isActive, updatedAt: new Date() });
}

/** router builds it with tRPC v10 or v11: the two have the same builder. */
export function router(t, TRPCError, show) {
  const guarded = t.procedure.use(({ ctx, next }) => {
    if (!ctx.session?.user) throw new TRPCError({ code: 'UNAUTHORIZED' });
    return next({ ctx });
  });
  const query = ([input, answer]) => guarded.input(input).query(({ input }) => answer(input));
  return t.router({
    analytics: t.router(Object.fromEntries(Object.entries(queries).map(([name, one]) => [name, query(one)]))),
    windows: t.router({
      list: guarded.input(z.object({ eventId })).query(({ input }) => windows.filter((window) => window.eventId === input.eventId)),
      toggle: guarded.input(z.object({ id: z.string(), isActive: z.boolean() })).mutation(({ input }) => toggle(input)),
    }),
    echo: t.procedure.input(z.any()).query(({ input }) => input),
    seen: t.procedure.input(z.any()).query(({ input }) => show(input)), // how the input looks from here
    exotic: t.procedure.query(exotic),
  });
}

/** exotic is what superjson carries and the five queries don't use. */
export const exotic = () => ({
  map: new Map([['a', 1]]), set: new Set([1, 2]), url: new URL('https://a.example/b?c'), regexp: /a+/gi,
  error: new RangeError('too far'),
});

const hour = (i) => new Date(Date.parse('2026-03-01T00:00:00.000Z') + i * 3_600_000).toISOString().slice(0, 13);
const count = (i) => (i * 7919) % 1000;

function series(n, row) {
  return Array.from({ length: n }, (_, i) => row(i));
}
