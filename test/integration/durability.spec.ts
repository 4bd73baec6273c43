import { createLogger, connectRedis } from '#platform';
import { key, keyRoot, NotOnDiskError, RedisDurability } from '#repository';
import ioredis, { type Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { PrivateServer } from '../support/private-server.js';
import { until } from '../support/until.js';

const LOG = createLogger('test', 'silent');
const MODULE = 'persistence';
const BARRIER = key(keyRoot('test', MODULE), 'barrier');
/** Longer than any sync of this test takes, in ms. */
const PATIENCE_MS = 15_000;

let server: PrivateServer;
let redis: Redis;
/** Whether this Redis can wait for its disk: 7.2 and later. */
let able: boolean;
let durability: RedisDurability;

const open = (patienceMs = PATIENCE_MS): Promise<RedisDurability> =>
  RedisDurability.open(connectRedis(server.url, 'unhurried', LOG), redis, 'test', MODULE, LOG, patienceMs);

/** Has Redis sync its file every second, or never. */
const sync = (when: 'everysec' | 'no') => redis.config('SET', 'appendfsync', when);

/** Has it sync now what was written so far. */
async function syncNow(): Promise<void> {
  await redis.config('SET', 'appendfsync', 'always');
  await redis.incr('syncs');
}

/** How often Redis was asked to wait for its disk. */
async function waits(): Promise<number> {
  return Number(/cmdstat_waitaof:calls=(\d+)/.exec(await redis.info('commandstats'))?.[1] ?? 0);
}

const isWaitedFor = () =>
  until(
    'somebody to wait for the disk',
    async () => /blocked_clients:(\d+)/.exec(await redis.info('clients'))?.[1],
    (blocked) => blocked === '1',
  );

/** A command, on a connection that is not the one that waits. */
const write = async (): Promise<string> => {
  await redis.incr('commands');
  return 'done';
};

const written = async (): Promise<number> => Number(await redis.get('commands'));

beforeAll(async () => {
  server = await PrivateServer.start('redis');
  redis = new ioredis.Redis(server.url);
  redis.on('error', () => undefined);
  able = ((await redis.call('COMMAND', 'INFO', 'WAITAOF')) as unknown[])[0] !== null;
});

afterAll(async () => {
  redis?.disconnect();
  await server?.close();
});

beforeEach(async () => {
  await sync('everysec');
  durability = await open();
  await redis.del(BARRIER);
  await redis.config('RESETSTAT');
});

afterEach(() => durability.close());

describe('any Redis', () => {
  it('has a command carried out once, and its answer or refusal handed on', async () => {
    const before = await written();
    expect(await durability.acknowledge(write)).toBe('done');
    expect(await written()).toBe(before + 1);
    await expect(durability.acknowledge(() => Promise.reject(new Error('refused')))).rejects.toThrow('refused');
    expect(await waits()).toBe(able ? 1 : 0);
    expect(await redis.exists(BARRIER)).toBe(able ? 1 : 0);
  });

  it('without AOF is not waited for', async () => {
    await redis.config('SET', 'appendonly', 'no');
    const other = await open();
    try {
      await redis.config('RESETSTAT');
      expect(await other.acknowledge(write)).toBe('done');
      expect(await waits()).toBe(0);
    } finally {
      other.close();
      await redis.config('SET', 'appendonly', 'yes');
    }
    await until(
      'the first file of the new AOF',
      () => redis.info('persistence'),
      (info) => info.includes('aof_rewrite_in_progress:0') && info.includes('aof_rewrite_scheduled:0'),
    );
  });

  it('that comes back is asked again, and waited for as before', async () => {
    await server.end('SIGKILL');
    await server.begin();
    await until('Redis to be asked', waits, (count) => count === (able ? 1 : 0));
    expect(await durability.acknowledge(write)).toBe('done');
    expect(await waits()).toBe(able ? 2 : 0);
  });
});

describe('a Redis with WAITAOF', () => {
  beforeEach(({ skip }) => skip(!able, 'this Redis is older than 7.2: it cannot wait for its disk'));

  it('has the answer held back until it has synced what another connection wrote', async () => {
    await sync('no');
    const events: string[] = [];
    const answer = durability.acknowledge(write).then(() => events.push('answered'));
    await isWaitedFor();
    events.push('syncing');
    await syncNow();
    await answer;
    expect(events).toEqual(['syncing', 'answered']);
  });

  it('serves many commands at a time by few barriers, each begun after the commands it serves', async () => {
    await sync('no');
    const before = await written();
    const first = durability.acknowledge(write);
    await isWaitedFor();
    const others = Array.from({ length: 50 }, () => durability.acknowledge(write));
    await until('all commands', written, (count) => count === before + 51);
    await syncNow();
    await Promise.all([first, ...others]);
    expect(await waits()).toBe(2);
  });

  it('that does not sync in time: the command is carried out, and not known to be on disk', async () => {
    const other = await open(200);
    try {
      await sync('no');
      const before = await written();
      await expect(other.acknowledge(write)).rejects.toThrow(NotOnDiskError);
      expect(await written()).toBe(before + 1);
    } finally {
      other.close();
    }
  });

  it('that dies behind the command may have lost it, however fast it comes back', async () => {
    const answer = durability.acknowledge(async () => {
      await write();
      await server.end('SIGKILL');
      await server.begin();
      await redis.ping();
    });
    await expect(answer).rejects.toThrow(NotOnDiskError);
  });

  it('that dies while it is waited for', async () => {
    await sync('no');
    const answer = durability.acknowledge(write);
    answer.catch(() => undefined);
    await isWaitedFor();
    await server.end('SIGKILL');
    await expect(answer).rejects.toThrow(NotOnDiskError);
    await server.begin();
    await redis.ping();
  });
});
