import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { connectRedis, createLogger, duplicateOf, openRedis } from '#platform';
import { onCancel, RedisCancelChannel } from '#queues';
import { NotOnDiskError, RedisDurability } from '#repository';
import { aofWritten } from '../support/aof-written.js';
import { Endpoint } from '../support/endpoint.js';
import { Fleet } from '../support/fleet.js';
import { RedisCluster, type ClusterNode } from '../support/redis-cluster.js';
import { blockAt } from '../support/roadblock.js';
import { signal } from '../support/signal.js';
import { IMPORT, SmallImport } from '../support/small-import.js';
import { until } from '../support/until.js';

/** Modules whose hash tags lie on the first, the second and the third of three masters. */
const MODULES = ['registry', 'persistence', 'archive'] as const;
const ROWS = 2_000;
const SILENT = createLogger('test', 'silent');

let cluster: RedisCluster;
let fleet: Fleet;
let endpoint: Endpoint;
/** An import a module. */
let imports: SmallImport[];
/** Into `persistence`. */
let small: SmallImport;
/** What an import leaves that nobody disturbs. */
let expected: Awaited<ReturnType<SmallImport['undisturbed']>>;

beforeAll(async () => {
  cluster = await RedisCluster.start(3);
  fleet = await Fleet.start({
    workers: 2,
    modules: MODULES.filter((id) => id !== 'persistence'),
    redisUrl: cluster.url,
    env: {
      WORKER_CONCURRENCY: '1',
      LOCK_DURATION_MS: '1000',
      STALLED_INTERVAL_MS: '300',
      SWEEP_INTERVAL_MS: '300',
      RETRY_BACKOFF_MS: '50',
    },
  });
  endpoint = Endpoint.of(fleet);
  imports = await Promise.all(
    MODULES.map((id) => SmallImport.prepare(fleet, ROWS, fleet.databases.get(id)!, Endpoint.of(fleet, id))),
  );
  small = imports[MODULES.indexOf('persistence')]!;
});

afterAll(async () => {
  await fleet?.stop();
  await cluster?.close();
});

const living = () => fleet.workers.filter(({ alive }) => alive);

/** What an import leaves, when it has ended. */
const leftBy = async (id: number) => small.outcome(await small.ended(id));

/** Begins the import into `persistence` anew, with a worker held up at this row. */
async function heldAt(row: number) {
  await small.empty();
  const roadblock = await blockAt(fleet.database, small.resources[row]!);
  const id = await small.begin();
  await roadblock.reached();
  return { id, roadblock };
}

/** The slot of a module's keys. */
const slotOf = (moduleId: string): Promise<number> =>
  cluster.nodes[0]!.admin.cluster('KEYSLOT', `${fleet.settings.keyPrefix}:{${moduleId}}:`);

const nodeOf = async (moduleId: string): Promise<ClusterNode> => cluster.ownerOf(await slotOf(moduleId));

/** How the gateway answers, and how fast. */
async function ask(of: Endpoint) {
  const asked = Date.now();
  const { status } = await of.get(`${of.root}/${IMPORT}`);
  return { status, ms: Date.now() - asked };
}

const answersAgain = () =>
  until(
    'the gateway to recover',
    () => ask(endpoint),
    ({ status }) => status === 200,
  );

describe('three modules on three masters', () => {
  it('import at the same time, each as it would alone', async () => {
    const outcomes = await Promise.all(imports.map((one) => one.undisturbed()));
    expected = outcomes[0]!;
    expect(expected.told).toMatchObject({ status: 'COMPLETED', recordWriteCount: ROWS });
    expect(outcomes).toEqual([expected, expected, expected]);
  });

  it('have their keys, those of the queues too, on a node each', async () => {
    const held = await Promise.all(cluster.nodes.map(({ admin }) => admin.keys('*')));
    const tags = held.map((keys) => [...new Set(keys.map((key) => /\{(.*?)\}/.exec(key)?.[1]))]);
    expect(tags).toEqual(MODULES.map((id) => [id]));
    const queues = held.map((keys) => keys.filter((key) => key.includes(':queue:')).length);
    expect(Math.min(...queues)).toBeGreaterThan(0);
  });

  it.each(MODULES)('answer whatever is asked of %s', async (moduleId) => {
    const one = Endpoint.of(fleet, moduleId);
    const [execution] = (await one.list(IMPORT)).flat();
    expect(await one.list(IMPORT, `?executionUUID=${execution!.executionUUID}`)).toEqual([[execution]]);
    expect((await one.view(IMPORT, execution!.id)).status).toBe('COMPLETED');
    const { entries } = (await one.get(`${one.root}/audit`).expect(200)).body;
    expect(entries).toHaveLength(1);
    const { queues } = (await one.get('/admin/queues/api/queues').expect(200)).body as { queues: { name: string }[] };
    expect(queues.map(({ name }) => name)).toContain(`${moduleId}-partitions`);
    await one.get('/admin/queues/api/redis/stats').expect(200);
    await one.get('/health/ready').expect(200);
  });
});

describe('an import on a cluster', () => {
  it('stops at a chunk boundary, and restarts from there', async () => {
    const { id, roadblock } = await heldAt(5);
    await endpoint.stop(id);
    await roadblock.lift();
    const stopped = await small.ended(id);
    expect(stopped).toMatchObject({ status: 'STOPPED', running: false });
    const restarted = await small.outcome(await small.ended(await endpoint.restart(id)));
    expect(restarted.told).toMatchObject({ status: 'COMPLETED', recordWriteCount: ROWS - stopped.recordWriteCount });
    expect([restarted.table, restarted.written]).toEqual([expected.table, expected.written]);
  });

  it('is finished by the other worker when one is killed', async () => {
    const { id, roadblock } = await heldAt(137);
    await fleet.kill(living()[0]!, 'SIGKILL');
    await roadblock.lift();
    expect(await leftBy(id)).toEqual(expected);
    await fleet.startWorker();
  });

  it('goes on when all nodes have forgotten its scripts', async () => {
    const { id, roadblock } = await heldAt(5);
    for (const { admin } of cluster.nodes) await admin.script('FLUSH');
    await roadblock.lift();
    expect(await leftBy(id)).toEqual(expected);
  });

  it('waits while its slot is being moved to another master, and goes on there', async () => {
    const { id, roadblock } = await heldAt(5);
    const [slot, from, to] = [await slotOf('persistence'), await nodeOf('persistence'), await nodeOf('archive')];
    await cluster.moveSlot(slot, from, to, async () => {
      await roadblock.lift();
      // Neither node has all of the module: a script that ran now would take it for empty.
      const refused = await endpoint.post(`${endpoint.root}/noopJob/start`, { jobParameters: {} });
      expect(refused.status).toBe(503);
    });
    expect(await leftBy(id)).toEqual(expected);
    expect(await nodeOf('persistence')).toBe(to);
    expect(await endpoint.start('noopJob')).toBe(id + 1);
  });
});

/** As BullMQ's consumers do when they have heard nothing for long: each must come back, whatever node it asks. */
async function reconnects(): Promise<void> {
  const redis = connectRedis(cluster.url, 'patient', SILENT);
  await once(redis, 'ready');
  for (let times = 0; times < 20; times += 1) {
    redis.disconnect();
    await once(redis, 'end');
    await redis.connect();
  }
  redis.disconnect();
}

describe('a command', () => {
  it('is acknowledged from disk, where Redis tells, and so again after its module has moved', async () => {
    const shared = await openRedis(cluster.url, 'failFast', SILENT);
    const own = connectRedis(cluster.url, 'unhurried', SILENT);
    const durability = await RedisDurability.open(own, shared, 'test', 'module', SILENT);
    const acknowledged = () => durability.acknowledge(async () => 'done');
    expect(await acknowledged()).toBe('done');
    const [from, ...others] = await Promise.all(['module', ...MODULES].map(nodeOf));
    const to = others.find((node) => node !== from)!;
    await cluster.moveSlot(await slotOf('module'), from!, to, async () => undefined);
    // The first one learns of the move, where it had to ask.
    const first: unknown = await acknowledged().catch((error: unknown) => error);
    expect(first === 'done' || first instanceof NotOnDiskError).toBe(true);
    expect(await acknowledged()).toBe('done');
    durability.close();
    shared.disconnect();
  });
});

describe('a master that dies', () => {
  it('takes its own modules with it until it is back, and no others', async () => {
    const { id, roadblock } = await heldAt(5);
    const node = await nodeOf('persistence');
    await aofWritten(node.admin);
    await node.kill();
    await roadblock.lift();
    const [first, ...others] = [await ask(endpoint), await ask(endpoint)];
    expect([first, ...others].map(({ status }) => status)).toEqual([503, 503]);
    expect(first!.ms).toBeLessThan(1_000);
    await endpoint.get('/health/ready').expect(503);

    const elsewhere = imports[MODULES.indexOf('registry')]!;
    expect(await elsewhere.undisturbed()).toEqual(expected);
    await reconnects();

    await node.begin();
    await answersAgain();
    expect(await leftBy(id)).toEqual(expected);
  });

  it('is replaced by its replica', async () => {
    const node = await nodeOf('persistence');
    const replica = await cluster.addReplica(node);
    const { id, roadblock } = await heldAt(5);
    // What it lacks is lost with its master.
    await replica.hasAllOf(node);
    await node.kill();
    await roadblock.lift();
    await answersAgain();
    expect(await leftBy(id)).toEqual(expected);
  });
});

describe('a force stop', () => {
  it('is announced through the whole cluster', async () => {
    const [mine, yours] = [connectRedis(cluster.url, 'patient', SILENT), connectRedis(cluster.url, 'patient', SILENT)];
    const subscription = duplicateOf(yours);
    try {
      const cancelled = signal<string>();
      await onCancel(subscription, 'test', 'module', (uuid, how) => cancelled.give(`${how} ${uuid}`));
      await new RedisCancelChannel(mine, 'test', 'module').announce(
        { id: 1 as never, uuid: 'a-uuid' as never },
        'force-stop',
      );
      expect(await cancelled.given).toBe('force-stop a-uuid');
    } finally {
      for (const redis of [mine, yours, subscription]) redis.disconnect();
    }
  });
});

const opening = (url: string) => openRedis(url, 'failFast', SILENT);

describe('a process', () => {
  it('refuses a cluster of which one node may evict', async () => {
    const { admin } = cluster.nodes[0]!;
    await admin.config('SET', 'maxmemory-policy', 'allkeys-lru');
    await expect(opening(cluster.url)).rejects.toThrow('maxmemory-policy is allkeys-lru');
    await admin.config('SET', 'maxmemory-policy', 'noeviction');
  });

  it('refuses a node that is named as if it were alone', async () => {
    const url = cluster.url.replace('redis+cluster:', 'redis:').replace(/,.*/, '');
    await expect(opening(url)).rejects.toThrow('it is a node of a cluster');
  });

  it('says why there is no cluster where it looks for one', async () => {
    const url = inject('redisUrl').replace('redis:', 'redis+cluster:');
    await expect(opening(url)).rejects.toThrow('This instance has cluster support disabled');
  });
});
