import { z } from 'zod';

const time = z.iso.datetime();
const eventId = z.string().min(1);

/** Procedures of `analytics`: each its input's schema, and what it answers. */
export const queries = {
  kpis: [z.object({ from: time, to: time }), () => ({
    taps: 3_200_000, distinctBands: 187_340, peakTapsPerMinute: 300_211, byMode: { pre: 90_000, live: 3_100_000, post: 10_000 },
  })],
  velocityHistory: [z.object({ eventId }), () => series(180, 10_000)],
  eventSummary: [z.object({}), () => [
    { eventId: 'loadtest-nashville', name: 'Nashville', taps: 12, distinctBands: 7, firstTapAt: at(0), lastTapAt: at(86_399_999) },
    { eventId: 'loadtest-denver', name: 'Denver · “später” 🎫', taps: 0, distinctBands: 0, firstTapAt: null, lastTapAt: null },
  ]],
  tapsByHour: [z.object({ eventId, hours: z.number().int().min(1).max(168) }), ({ hours }) => series(hours, 3_600_000)],
  exportTaps: [z.object({ eventId, from: time, to: time }), ({ from }) => Array.from({ length: 50_000 }, (_, i) => ({
    bandId: `LOADTEST-E1-${String(i + 1).padStart(6, '0')}`, mode: 'live', redirectUrl: 'https://compassion.com/live',
    userAgent: 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X)', ipAddress: `10.0.${i >> 8}.${i & 255}`,
    tappedAt: new Date(Date.parse(from) + i),
  }))],
};

/** router builds it with tRPC v10 or v11: the two have the same builder. */
export function router(t, TRPCError, show) {
  const guarded = t.procedure.use(({ ctx, next }) => {
    if (!ctx.session?.user) throw new TRPCError({ code: 'UNAUTHORIZED' });
    return next({ ctx });
  });
  const query = ([input, answer]) => guarded.input(input).query(({ input }) => answer(input));
  return t.router({
    analytics: t.router(Object.fromEntries(Object.entries(queries).map(([name, one]) => [name, query(one)]))),
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

function at(ms) {
  return new Date(Date.parse('2026-03-01T00:00:00.000Z') + ms);
}

function series(n, step) {
  return Array.from({ length: n }, (_, i) => ({ at: at(i * step), taps: (i * 7919) % 1000 }));
}
