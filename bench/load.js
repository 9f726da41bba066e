// What the ways share: the load that the harness asks for, and the whole summary as JSON on stdout.
//
//   VUS      virtual users: all of them always busy, or, with RATE, there to be used
//   RATE     taps a second, over all virtual users; none: as many as they can
//   SECONDS  how long
const { VUS, RATE, SECONDS } = __ENV;

// k6's options for an iteration that makes so many taps.
export function load(tapsPerIteration) {
  const vus = Number(VUS);
  const duration = `${SECONDS}s`;
  const taps = RATE
    ? {
        executor: 'constant-arrival-rate', rate: Number(RATE) / tapsPerIteration, timeUnit: '1s', duration,
        preAllocatedVUs: vus, maxVUs: vus,
      }
    : { executor: 'constant-vus', vus, duration };
  return {
    scenarios: { taps },
    discardResponseBodies: true,
    summaryTrendStats: ['p(50)', 'p(95)', 'p(99)'],
  };
}

export function handleSummary(data) {
  return { stdout: JSON.stringify(data) };
}
