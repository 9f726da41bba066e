// Upstash's own client on the twin's REST API, the statuses that Upstash documents, and the extension on the same data.
import assert from 'node:assert/strict';
import { Redis } from '@upstash/redis';
import { k6 } from '../k6.js';
import { startTwin } from '../twin.js';

async function start() {
  const twin = await startTwin('-bands', '100');
  const { UPSTASH_REDIS_REST_URL: url, UPSTASH_REDIS_REST_TOKEN: token, TWIN_CONTROL_URL: control } = twin.env;
  const client = (options) => new Redis({ url, token, ...options });
  return {
    ...twin,
    client,
    redis: client(),
    rest: (path, body, init) => rest(url + path, token, body, init),
    stats: async () => (await fetch(`${control}/stats`)).json(),
    faults: (faults) => fetch(`${control}/faults`, { method: 'PUT', body: JSON.stringify(faults) }),
  };
}

async function rest(url, token, body, { headers, ...init } = {}) {
  const answer = await fetch(url, { method: 'POST', headers: { Authorization: `Bearer ${token}`, ...headers }, body, ...init });
  return [answer.status, await answer.text()];
}

const wrongType = 'WRONGTYPE Operation against a key holding the wrong kind of value';

const official = {
  'commands give what they give in Redis': async ({ redis }) => {
    for (const [command, want] of [
      ['ping', 'PONG'],
      ['incr', 'n', 1],
      ['incrby', 'n', 41, 42],
      ['expire', 'n', 1800, 1],
      ['ttl', 'n', 1800],
      ['pfadd', 'unique', 'a', 'b', 'a', 1],
      ['pfadd', 'unique', 'a', 0],
      ['pfcount', 'unique', 2],
      ['lpush', 'list', 'a', 'b', 'c', 3],
      ['llen', 'list', 3],
      ['lrange', 'list', 0, -1, ['c', 'b', 'a']],
      ['rpop', 'list', 'a'],
      ['ltrim', 'list', 0, 0, 'OK'],
      ['lrange', 'list', 0, -1, ['c']],
      ['set', 'once', 'first', { ex: 60, nx: true }, 'OK'],
      ['set', 'once', 'second', { ex: 60, nx: true }, null],
      ['get', 'once', 'first'],
      ['mget', 'once', 'none', 'n', ['first', null, 42]],
      ['hset', 'hash', { a: 1, b: 'two' }, 2],
      ['hgetall', 'hash', { a: 1, b: 'two' }],
      ['hgetall', 'none', null],
      ['zadd', 'scores', { score: 2.5, member: 'y' }, { score: 1, member: 'x' }, 2],
      ['zrange', 'scores', 0, -1, { withScores: true }, ['x', 1, 'y', 2.5]],
      ['sadd', 'set', 'only', 1],
      ['smembers', 'set', ['only']],
      ['exists', 'set', 'hash', 'none', 2],
      ['type', 'scores', 'zset'],
      ['type', 'none', 'none'],
      ['keys', 'uniq*', ['unique']],
      ['scan', 0, { match: 'sco*', count: 1000 }, ['0', ['scores']]],
      ['eval', "return {1, {ARGV[1], false}, redis.status_reply('fine'), KEYS[1]}", ['k'], ['v'], [1, ['v', null], 'fine', 'k']],
      ['del', 'set', 'hash', 'none', 2],
    ].map((row) => [row.slice(0, -1), row.at(-1)])) {
      const [name, ...args] = command;
      assert.deepEqual(await redis[name](...args), want, JSON.stringify(command));
    }
  },

  'values come back as they went, JSON and a megabyte included': async ({ redis }) => {
    for (const value of [
      '', ' ', 'OK', 'é 😀 \u0000\n\ufffd', 'T0s=', 'a'.repeat(1 << 20), '😀'.repeat(1 << 18),
      0, 1.5, true, false, null, { a: [1, { b: null }], 'é': '' }, [], [[1, '2']],
      '007', '1e3', '9007199254740993', '{"a":', 'nulll',
    ]) {
      await redis.set('value', value);
      assert.deepEqual(await redis.get('value'), value);
    }
  },

  'bytes that are no UTF-8 come in base64, and become U+FFFD without': async ({ redis, rest }) => {
    await redis.set('bytes', 'abc');
    await redis.bitop('not', 'bytes', 'bytes');
    const base64 = { headers: { 'Upstash-Encoding': 'base64' } };
    const bytes = Buffer.from([0x9e, 0x9d, 0x9c]).toString('base64');
    assert.deepEqual(await rest('/', '["GET","bytes"]', base64), [200, `{"result":"${bytes}"}`]);
    assert.deepEqual(await rest('/', '["GET","bytes"]'), [200, '{"result":"\\ufffd\\ufffd\\ufffd"}']);
  },

  'responseEncoding: false': async ({ client }) => {
    const plain = client({ responseEncoding: false });
    for (const value of ['', 'OK', 'é 😀', { a: ['b'] }]) {
      await plain.set('plain', value);
      assert.deepEqual(await plain.get('plain'), value);
    }
    assert.deepEqual(await plain.mget('plain', 'none'), [{ a: ['b'] }, null]);
  },

  'pipeline(): an error in the middle is of one command': async ({ redis }) => {
    const pipeline = () => redis.pipeline().set('p', 'text').incr('p').llen('none').get('p');
    await assert.rejects(pipeline().exec(), { name: 'UpstashError', message: /^Command 2 \[ incr \] failed: ERR value is not an integer/ });
    const [set, incr, llen, get] = await pipeline().exec({ keepErrors: true });
    assert.deepEqual([set.result, llen.result, get.result], ['OK', 0, 'text']);
    assert.match(incr.error, /^ERR value is not an integer/);
    assert.deepEqual([set.error, incr.result, llen.error], [undefined, undefined, undefined]);
  },

  'multi(): all commands run, one that fails included, or none': async ({ redis }) => {
    await redis.lpush('m:list', 'a');
    assert.deepEqual(await redis.multi().incr('m').get('m').exec(), [1, 1]);
    const [failed, got] = await redis.multi().incr('m:list').incr('m').exec({ keepErrors: true });
    assert.deepEqual([failed.error, got.result], [wrongType, 2]);
    const unqueued = redis.multi().incr('m').mget(); // MGET needs a key
    await assert.rejects(unqueued.exec(), { name: 'UpstashError', message: /^ERR wrong number of arguments for 'mget' command/ });
    assert.equal(await redis.get('m'), 2);
  },

  'enableAutoPipelining: a hundred writes are one request': async ({ client, stats }) => {
    const redis = client({ enableAutoPipelining: true });
    const before = (await stats()).upstash;
    const got = await Promise.allSettled(Array.from({ length: 100 }, (_, i) => (i === 50 ? redis.lpush('auto', 'x') : redis.incr('auto'))));
    const after = (await stats()).upstash;
    assert.deepEqual([after.requests - before.requests, after.commands - before.commands], [1, 100]);
    assert.match(got[50].reason.message, /WRONGTYPE/);
    assert.deepEqual(got.toSpliced(50, 1).map((one) => one.value), Array.from({ length: 99 }, (_, i) => i + 1));
  },

  'errors are UpstashErrors with Redis\'s words': async ({ redis, client, faults }) => {
    await redis.lpush('e:list', 'a');
    for (const [run, message] of [
      [() => redis.incr('e:list'), wrongType],
      [() => redis.exec(['NOPE', 'a']), 'ERR unknown command'],
      [() => redis.exec(['GET']), "ERR wrong number of arguments for 'get' command"],
      [() => redis.exec(['SUBSCRIBE', 'c']), "ERR Command is not available: 'SUBSCRIBE'"],
      [() => redis.set('k', undefined), 'ERR null args are not supported'],
      [() => redis.eval("return redis.error_reply('MY error')", [], []), 'MY error'],
      [() => client({ token: 'wrong' }).get('k'), 'WRONGPASS invalid or missing auth token'],
      [() => client({ token: 'wrong' }).multi().get('k').exec(), 'WRONGPASS invalid or missing auth token'],
    ]) {
      await assert.rejects(run, { name: 'UpstashError', message: RegExp(`^(Command failed: )?${message}`) });
    }
    await faults({ upstash: { errorRate: 1, status: 429 } });
    const limited = redis.get('k');
    await assert.rejects(limited, { name: 'UpstashError' }).finally(() => faults({}));
  },

  'writes are read at once, by others too, without a sync token': async ({ client }) => {
    const [writer, reader] = [client(), client({ readYourWrites: false })];
    for (let n = 1; n <= 50; n++) assert.deepEqual([await writer.incr('ryw'), await writer.get('ryw'), await reader.get('ryw')], [n, n, n]);
    assert.equal(writer.client.upstashSyncToken, ''); // Upstash's is for replicas; the twin has none and gives none
  },

  'the tap\'s pipeline is what the Hub\'s flush stores': async ({ redis, stats, env }) => {
    const at = new Date();
    const event = `analytics:${env.LOADTEST_EVENT_ID}`;
    const velocity = `${event}:velocity:${Math.floor(at / 10_000)}`;
    const tap = {
      bandId: 'LOADTEST-E1-000001', eventId: env.LOADTEST_EVENT_ID, mode: 'live', redirectUrl: 'https://compassion.com/live',
      userAgent: 'é "phone"', ipAddress: '203.0.113.7', tappedAt: at.toISOString(),
    };
    const before = await stats();
    assert.deepEqual(await redis.pipeline()
      .incr(`${event}:taps:total`).pfadd(`${event}:taps:unique`, tap.bandId).incr(`${event}:taps:hourly:${tap.tappedAt.slice(0, 13)}`)
      .incr(`${event}:mode:live`).incr(velocity).expire(velocity, 1800).lpush('tap-log:pending', tap)
      .incr('monitoring:taps:received').exec(), Array(8).fill(1));
    const after = await stats();
    assert.deepEqual([after.upstash.requests - before.upstash.requests, after.upstash.commands - before.upstash.commands], [1, 8]);
    assert.deepEqual(await redis.lrange('tap-log:pending', 0, -1), [tap]);
    const { value } = await k6(({ flushTaps }) => flushTaps(), env);
    assert.deepEqual([value.flushed, value.remaining], [1, 0]);
    assert.equal((await stats()).database.rows, before.database.rows + 1);
  },
};

const documented = {
  'statuses and bodies are those that Upstash documents': async ({ redis, rest }) => {
    await redis.set('d', 'text');
    const unauthorized = { headers: { Authorization: 'Bearer wrong' } };
    const notInteger = 'ERR value is not an integer or out of range';
    for (const [path, body, init, status, text] of [
      ['/', '["GET","d"]', {}, 200, '{"result":"text"}'],
      ['/', '["GET","none"]', {}, 200, '{"result":null}'],
      ['/', '["STRLEN","d"]', {}, 200, '{"result":4}'],
      ['/', '["MGET","d","none"]', {}, 200, '{"result":["text",null]}'],
      ['/', '["INCR","d"]', {}, 400, `{"error":"${notInteger}"}`],
      ['/', '["GET"]', {}, 400, `{"error":"ERR wrong number of arguments for 'get' command"}`],
      ['/', '["NOPE"]', {}, 400, /^\{"error":"ERR [^"]*NOPE[^"]*"\}$/],
      ['/', '["SUBSCRIBE","c"]', {}, 400, /^\{"error":"ERR [^"]*SUBSCRIBE[^"]*"\}$/],
      ['/', undefined, {}, 400, /^\{"error":"ERR [^"]+"\}$/],
      ['/', 'GET d', {}, 400, /^\{"error":".+"\}$/],
      ['/', '["GET","d"]', unauthorized, 401, '{"error":"WRONGPASS invalid or missing auth token"}'],
      ['/', '["GET","d"]', { headers: { Authorization: '' } }, 401, '{"error":"WRONGPASS invalid or missing auth token"}'],
      ['/', undefined, { method: 'DELETE' }, 405, /Method/],
      ['/pipeline', '[["GET","d"],["INCR","d"],["SUBSCRIBE","c"],["STRLEN","d"]]', {}, 200,
        `[{"result":"text"},{"error":"${notInteger}"},{"error":"ERR Command is not available: 'SUBSCRIBE'"},{"result":4}]`],
      ['/pipeline', '[]', {}, 400, /^\{"error":"ERR [^"]+"\}$/],
      ['/pipeline', '[["GET","d"]]', unauthorized, 401, '{"error":"WRONGPASS invalid or missing auth token"}'],
      ['/multi-exec', '[["GET","d"],["INCR","d"],["STRLEN","d"]]', {}, 200, `[{"result":"text"},{"error":"${notInteger}"},{"result":4}]`],
      ['/multi-exec', '[["SET","d","no"],["NOPE"]]', {}, 400, /^\{"error":"ERR [^"]*NOPE[^"]*"\}$/],
      ['/multi-exec', '[["SET","d","no"],["WATCH","d"]]', {}, 400, /^\{"error":"ERR [^"]*WATCH[^"]*"\}$/],
      ['/', '["GET","d"]', {}, 200, '{"result":"text"}'],
    ]) {
      const [gotStatus, gotText] = await rest(path, body, init);
      const message = `${path} ${body}: ${gotStatus} ${gotText}`;
      assert.equal(gotStatus, status, message);
      if (typeof text === 'string') assert.equal(gotText, text, message);
      else assert.match(gotText, text, message);
    }
  },

  'what Upstash has and the twin has not (twin/README.md)': async ({ rest, env }) => {
    for (const [path, body, init, status] of [
      ['/get/d', undefined, { method: 'GET' }, 404],
      ['/', '["GET","d"]', { method: 'PUT' }, 405],
      [`/?_token=${env.UPSTASH_REDIS_REST_TOKEN}`, '["GET","d"]', { headers: { Authorization: '' } }, 401],
      ['/', '["JSON.SET","j","$","{}"]', {}, 400],
      ['/subscribe/c', undefined, {}, 404],
    ]) {
      assert.equal((await rest(path, body, init))[0], status, path);
    }
    assert.deepEqual(await rest('/', '["PING"]', { headers: { 'Upstash-Response-Format': 'resp2' } }), [200, '{"result":"PONG"}']);
  },
};

const extension = {
  'Upstash gives what Upstash\'s client gives': async ({ client, env }) => {
    const redis = client({ automaticDeserialization: false });
    await redis.rpush('x:list', '1', '007', 'T0s=', 'OK', '{"a":1}', '[1]', 'null', '', 'é 😀\n');
    await redis.set('x:big', '9007199254740993');
    await redis.set('x:mega', '😀'.repeat(1 << 18));
    const queueable = [
      ['LRANGE', 'x:list', 0, -1], ['LLEN', 'x:list'], ['GET', 'x:none'], ['GET', 'x:mega'], ['GET', 'x:big'], ['MGET', 'x:none', 'x:big'],
      ['SET', 'x:true', true], ['GET', 'x:true'], ['SET', 'x:float', 1.5], ['INCRBYFLOAT', 'x:float', 0], ['TTL', 'x:none'], ['PING'],
      ['EVAL', "return {1, {'a', {false, ''}}, {}, redis.status_reply('fine')}", 0], ['INCRBY', 'x:big', 0], ['ECHO', '12345678901234567890'],
      ['INCR', 'x:list'], ['EVAL', "return redis.error_reply('MY error')", 0],
    ];
    const commands = [...queueable, ['NOPE', 'a'], ['GET'], ['SUBSCRIBE', 'c']];
    const { value } = await k6(ask, env, commands, queueable);
    const wanted = await Promise.all(commands.map((command) => redis.exec(command).catch(({ message }) => (
      { error: message.replace(/, command was: .*/s, '').trim() }))));
    const big = commands.findIndex(([name]) => name === 'INCRBY');
    assert.equal(wanted[big], 9007199254740992); // rounded, as JSON.parse does
    wanted[big] = { bigint: '9007199254740993' };
    assert.deepEqual(value.commands, wanted);
    assert.deepEqual(value.pipeline, wanted);
    assert.deepEqual(value.transaction, wanted.slice(0, queueable.length));
  },

  'a transaction that can\'t be queued throws; so does a wrong token': async ({ redis, env }) => {
    const transaction = ({ Upstash }) => new Upstash().transaction([['SET', 'never', 1], ['GET']]);
    assert.match((await k6(transaction, env)).error.message, /400.*wrong number of arguments for 'get' command/);
    assert.equal(await redis.get('never'), null);
    const ping = ({ Upstash }) => new Upstash({ token: 'wrong' }).command(['PING']);
    assert.match((await k6(ping, env)).error.message, /401.*UPSTASH_REDIS_REST_TOKEN/);
  },

  'queueDepth() is LLEN, by REST and by Redis': async ({ redis, env }) => {
    await redis.lpush('tap-log:pending', '{}', '{}', '{}');
    await redis.set('q:text', 'text');
    const depths = ({ queueDepth }, redisURL) => [queueDepth(), queueDepth({ redisURL }), queueDepth({ key: 'q:none' })];
    assert.deepEqual((await k6(depths, env, env.TWIN_REDIS_URL)).value, [3, 3, 0]);
    const { error } = await k6(({ queueDepth }) => queueDepth({ key: 'q:text' }), env);
    assert.match(error.message, RegExp(wrongType));
    assert.equal(await redis.llen('tap-log:pending'), 3);
    await redis.del('tap-log:pending');
  },
};

// ask runs commands one by one and as a pipeline, and those that can be queued as a transaction.
function ask({ Upstash }, commands, queueable) {
  const upstash = new Upstash();
  const plain = (value) => {
    if (value instanceof Error) return { error: value.message.replace(/^(Upstash\.command: )?POST \S+: [A-Z]+ answered /, '') };
    if (typeof value === 'bigint') return { bigint: String(value) };
    return Array.isArray(value) ? value.map(plain) : value;
  };
  const run = (command) => {
    try {
      return upstash.command(command);
    } catch (error) {
      return error;
    }
  };
  return {
    commands: plain(commands.map(run)),
    pipeline: plain(upstash.pipeline(commands)),
    transaction: plain(upstash.transaction(queueable)),
  };
}

export default [{ counterpart: '@upstash/redis', start, cases: { ...official, ...documented, ...extension } }];
