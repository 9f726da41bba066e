// How many players a second does a leaderboard in Upstash's Redis hold? Each scores and reads their rank, in one pipeline.
//
//   UPSTASH_REDIS_REST_URL=https://….upstash.io UPSTASH_REDIS_REST_TOKEN=… ALLOWED_HOSTS=….upstash.io \
//     ./k6 run examples/upstash-leaderboard.js
//
// The key loadtest:leaderboard is the script's own; teardown() deletes it.
import { check } from 'k6';
import exec from 'k6/execution';
import { attempt, guard, Upstash } from 'k6/x/sparkmotion';

const { RATE = 50, DURATION = '1m', PLAYERS = 1000 } = __ENV;
const board = 'loadtest:leaderboard';
const redis = new Upstash();

export const options = {
  scenarios: { players: { executor: 'constant-arrival-rate', rate: Number(RATE), duration: DURATION, preAllocatedVUs: 20, maxVUs: 200 } },
  thresholds: { checks: ['rate>0.99'], upstash_latency: ['p(95)<100'] },
};

export function setup() {
  guard(__ENV.UPSTASH_REDIS_REST_URL);
  redis.command(['DEL', board]);
}

export default function () {
  const player = `player-${exec.scenario.iterationInTest % Number(PLAYERS)}`;
  const replies = attempt(() => redis.pipeline([
    ['ZINCRBY', board, 10, player], ['ZREVRANK', board, player], ['EXPIRE', board, 3600],
  ]));
  check(replies, {
    'the score is kept': (all) => Number(all?.[0]) >= 10,
    'the player has a rank': (all) => all?.[1] >= 0,
  });
}

export function teardown() {
  console.log(`the best: ${redis.command(['ZREVRANGE', board, 0, 0, 'WITHSCORES'])}`);
  redis.command(['DEL', board]);
}
