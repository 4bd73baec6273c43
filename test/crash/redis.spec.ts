import ioredis, { type Redis } from 'ioredis';
import { readdirSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { aofWritten } from '../support/aof-written.js';
import { Endpoint, ROOT } from '../support/endpoint.js';
import { Fleet } from '../support/fleet.js';
import { PrivateServer } from '../support/private-server.js';
import { blockAt } from '../support/roadblock.js';
import { IMPORT, SmallImport } from '../support/small-import.js';
import { TcpProxy } from '../testbed/tcp-proxy.js';
import { until } from '../support/until.js';

const ROWS = 10_000;
/** When an import is in full swing: rows written. */
const MIDDLE = 2_000;

let redis: PrivateServer;
let proxy: TcpProxy;
let admin: Redis;
let fleet: Fleet;
let endpoint: Endpoint;
let small: SmallImport;
let expected: Awaited<ReturnType<SmallImport['undisturbed']>>;

beforeAll(async () => {
  redis = await PrivateServer.start('redis');
  proxy = await TcpProxy.before(redis.url);
  admin = open(redis.url);
  fleet = await Fleet.start({
    workers: 2,
    redisUrl: proxy.through(redis.url),
    env: {
      LOCK_DURATION_MS: '1000',
      STALLED_INTERVAL_MS: '300',
      SWEEP_INTERVAL_MS: '300',
      RETRY_BACKOFF_MS: '50',
    },
  });
  endpoint = Endpoint.of(fleet);
  small = await SmallImport.prepare(fleet, ROWS);
  expected = await small.undisturbed();
});

afterAll(async () => {
  admin?.disconnect();
  await fleet?.stop();
  await proxy?.close();
  await redis?.close();
});

/** Past the proxy. */
const open = (url: string): Redis => {
  const connection = new ioredis.Redis(url, { maxRetriesPerRequest: null, retryStrategy: () => 50 });
  connection.on('error', () => undefined);
  return connection;
};

/** An import in full swing. @returns its number */
async function underWay(): Promise<number> {
  const id = await small.start();
  expect(await small.under(id, MIDDLE)).toMatchObject({ running: true });
  return id;
}

/** How the gateway answers, and how fast. */
async function ask() {
  const asked = Date.now();
  const { status } = await endpoint.get(`${ROOT}/${IMPORT}`);
  return { status, ms: Date.now() - asked };
}

const answersAgain = () => until('the gateway to recover', ask, ({ status }) => status === 200, 20_000);

/** What an import leaves, when it has ended. */
const leftBy = async (id: number) => small.outcome(await small.ended(id));

describe('a Redis that restarts', () => {
  it.each(['SIGTERM', 'SIGKILL'] as const)('in mid-import, by %s', async (signal) => {
    const id = await underWay();
    await redis.end(signal);
    const { status, ms } = await ask();
    expect(status).toBe(503);
    expect(ms).toBeLessThan(1_000);
    await redis.begin();
    await answersAgain();
    expect(await leftBy(id)).toEqual(expected);
  });

  it('in mid-stop', async () => {
    await small.empty();
    const roadblock = await blockAt(fleet.database, small.resources[120]!);
    const id = await small.begin();
    await roadblock.reached();
    await endpoint.stop(id);
    await aofWritten(admin);
    await redis.end('SIGKILL');
    await redis.begin();
    await answersAgain();
    expect((await endpoint.view(IMPORT, id)).status).toBe('STOPPING');
    await roadblock.lift();
    const stopped = await small.ended(id);
    expect(stopped).toMatchObject({ status: 'STOPPED', running: false });
    const restarted = await small.ended(await endpoint.restart(id));
    expect(restarted).toMatchObject({ status: 'COMPLETED', recordWriteCount: ROWS - stopped.recordWriteCount });
    expect(await small.outcome(restarted)).toMatchObject({ table: expected.table, written: expected.written });
  });
});

/** The file that Redis appends to. */
function appendOnlyFile(): string {
  const directory = join(redis.directory, 'appendonlydir');
  const name = readdirSync(directory).find((file) => file.endsWith('.incr.aof'));
  return join(directory, String(name));
}

/** Redis comes back without what it has written since its file had that size, as after a loss of power. */
async function losePowerBackTo(size: number): Promise<void> {
  await redis.end('SIGKILL');
  truncateSync(appendOnlyFile(), size);
  await redis.begin();
  await answersAgain();
}

describe('a Redis that loses its last second', () => {
  it('in mid-import', async () => {
    const id = await underWay();
    const { size } = statSync(appendOnlyFile());
    await small.under(id, 2 * MIDDLE);
    await losePowerBackTo(size);
    expect(await leftBy(id)).toEqual(expected);
  });

  it('with the end of an execution in it', async () => {
    const id = await underWay();
    const { size } = statSync(appendOnlyFile());
    await small.ended(id);
    await losePowerBackTo(size);
    expect(await leftBy(id)).toEqual(expected);
  });
});

describe('a Redis that forgets its scripts', () => {
  it('is told them again', async () => {
    const id = await small.start();
    for (const rows of [1_000, 2_000, 3_000]) {
      await small.under(id, rows);
      await admin.script('FLUSH');
    }
    expect(await leftBy(id)).toEqual(expected);
  });
});

describe('connections to Redis', () => {
  it('that are cut, again and again', async () => {
    const id = await small.start();
    for (const rows of [1, 1_000, 2_000, 3_000]) {
      await small.under(id, rows);
      proxy.cut();
      await answersAgain();
    }
    expect(await leftBy(id)).toEqual(expected);
  });

  it('that are half-open', async () => {
    const id = await underWay();
    proxy.blackhole();
    const { status, ms } = await ask();
    expect(status).toBe(503);
    expect(ms).toBeLessThan(1_000);
    await answersAgain();
    expect(await leftBy(id)).toEqual(expected);
  });

  it('that are slow', async () => {
    proxy.delayMs = 5;
    const id = await underWay();
    expect(await leftBy(id)).toEqual(expected);
    proxy.delayMs = 0;
  });
});

describe('a Redis without memory', () => {
  it('takes no start, and the work goes on when it has some', async () => {
    const id = await underWay();
    await admin.config('SET', 'maxmemory', '1');
    const refused = await endpoint.post(`${ROOT}/${IMPORT}/start`, { jobParameters: small.parameters });
    expect(refused.status).toBe(503);
    await admin.config('SET', 'maxmemory', '0');
    expect(await leftBy(id)).toEqual(expected);
  });
});

describe('a Redis that may evict', () => {
  it('is refused at boot, with the reason', async () => {
    const reason = /maxmemory-policy is allkeys-lru, so it may evict executions/;
    await admin.config('SET', 'maxmemory-policy', 'allkeys-lru');
    await expect(fleet.startWorker()).rejects.toThrow(reason);
    await fleet.kill(fleet.gateway, 'SIGTERM');
    await expect(fleet.startGateway()).rejects.toThrow(reason);
    await admin.config('SET', 'maxmemory-policy', 'noeviction');
    await fleet.startGateway();
  });
});

describe('a failover to a replica', () => {
  it('in mid-import', async () => {
    const replica = await PrivateServer.start('redis');
    const master = new URL(redis.url);
    const promoted = Object.assign(new URL(replica.url), { password: master.password }).href;
    const admins = open(replica.url);
    await admins.config('SET', 'masterauth', decodeURIComponent(master.password));
    await admins.config('SET', 'requirepass', decodeURIComponent(master.password));
    await admins.replicaof('127.0.0.1', Number(master.port));
    await until(
      'the replica to have the copy',
      () => admins.info('replication'),
      (info) => info.includes('master_link_status:up'),
    );
    // What comes behind the copy is not sent before the replica's first acknowledgement, and that comes once a second.
    const source = open(redis.url);
    await source.set('behind-the-copy', 'yes');
    source.disconnect();
    await until(
      'the replica to follow',
      () => admins.get('behind-the-copy'),
      (found) => found === 'yes',
    );

    const id = await underWay();
    await redis.end('SIGKILL');
    await admins.replicaof('NO', 'ONE');
    proxy.redirect(promoted);
    await answersAgain();
    expect(await leftBy(id)).toEqual(expected);

    // What the replica holds goes with it; the fleet is done with both.
    admins.disconnect();
    for (const worker of fleet.workers) if (worker.alive) await fleet.kill(worker, 'SIGTERM');
    await fleet.kill(fleet.gateway, 'SIGTERM');
    await replica.close();
  });
});
