import { executionId, executionUuid, NO_COUNTS, type BatchStatus, type Counts } from '#domain';
import type { ExecutionRef, Launch, Lease, PartitionRef } from '#engine';
import type { Partition } from '#job-kit';
import { connectRedis, createLogger, type RedisClient } from '#platform';
import { key, keyRoot, RedisExecutionReader, RedisExecutionStore, type KeyName } from '#repository';
import { randomBytes, randomUUID } from 'node:crypto';
import { inject } from 'vitest';

export const MODULE = 'persistence';
/** The time at which tests let things happen, in ms. */
export const NOW = 1_700_000_000_000;
export const LEASE_MS = 60_000;

/** Everything that stands in Redis under a root: values by key without the root, in an order that does not depend on history. */
export type Snapshot = Record<string, unknown>;

const CLOCKED = ['running', 'unsettled', 'forgotten'] as const;

/** The state of one module, under a key prefix of its own. */
export class TestRepository {
  readonly prefix = `test-${randomBytes(6).toString('hex')}`;
  readonly root = keyRoot(this.prefix, MODULE);
  readonly redis = this.#connect();
  readonly store = new RedisExecutionStore(this.redis, this.prefix, MODULE);
  readonly reader = new RedisExecutionReader(this.redis, this.prefix, MODULE);
  readonly #others: RedisClient[] = [];

  #connect(): RedisClient {
    return connectRedis(inject('redisUrl'), 'patient', createLogger('test', 'silent'));
  }

  key(name: KeyName, ...args: (string | number)[]): string {
    return key(this.root, name, ...args);
  }

  /** Stores on connections of their own, as gateways and workers have them. */
  otherStores(count: number): RedisExecutionStore[] {
    return Array.from({ length: count }, () => {
      const redis = this.#connect();
      this.#others.push(redis);
      return new RedisExecutionStore(redis, this.prefix, MODULE);
    });
  }

  /** All keys of this test, also such as might lie outside the module's root. */
  async keys(): Promise<string[]> {
    const found: string[] = [];
    let cursor = '0';
    do {
      const [next, keys] = await this.redis.scan(cursor, 'MATCH', `*${this.prefix}*`, 'COUNT', 1_000);
      found.push(...keys);
      cursor = next;
    } while (cursor !== '0');
    return [...new Set(found)].toSorted();
  }

  async snapshot(): Promise<Snapshot> {
    const keys = await this.keys();
    const values = await Promise.all(keys.map((name) => this.#valueOf(name)));
    return Object.fromEntries(keys.map((name, i) => [name.replace(this.root, ''), values[i]]));
  }

  async #valueOf(name: string): Promise<unknown> {
    switch (await this.redis.type(name)) {
      case 'hash':
        return this.redis.hgetall(name);
      case 'set':
        return (await this.redis.smembers(name)).toSorted();
      case 'zset':
        return this.#scores(name, await this.redis.zrange(name, '0', '-1', 'WITHSCORES'));
      case 'list':
        return this.redis.lrange(name, 0, -1);
      case 'stream':
        return this.redis.xrange(name, '-', '+');
      default:
        return (await this.redis.getBuffer(name))?.toString('latin1');
    }
  }

  /** Redis's own clock scores three of them, so what is said twice is said later: their scores are left open. */
  #scores(name: string, flat: string[]): string[] {
    if (!CLOCKED.some((index) => name === this.key(index))) return flat;
    return flat.map((value, i) => (i % 2 === 0 ? value : 'by the clock'));
  }

  /** Removes what the test has stored. */
  async close(): Promise<void> {
    const keys = await this.keys();
    if (keys.length > 0) await this.redis.unlink(...keys);
    await Promise.all([this.redis, ...this.#others].map((redis) => redis.quit()));
  }

  // Scenes

  async launch(changes: Partial<Launch> = {}): Promise<ExecutionRef> {
    const outcome = await this.store.launch(launchOf(changes));
    if (outcome.kind !== 'launched') throw new Error(`Not launched but ${outcome.kind}.`);
    return { id: outcome.id, uuid: outcome.uuid };
  }

  async lease(ref: ExecutionRef, delivery = 'start'): Promise<Lease> {
    const lease = { ...ref, token: `${delivery}#1` };
    const { kind: answer } = await this.store.acquire(ref, lease.token, LEASE_MS);
    if (answer !== 'acquired') throw new Error(`Not acquired but ${answer}.`);
    return lease;
  }

  /** An execution that has STARTED, under a lease. */
  async started(changes: Partial<Launch> = {}): Promise<Lease> {
    const lease = await this.lease(await this.launch(changes));
    await this.store.beginExecution(lease, NOW);
    return lease;
  }

  /** An execution whose first step, `load`, is planned and has a window of partitions in flight. */
  async loading(partitions: number, window = partitions): Promise<Lease> {
    const lease = await this.started();
    await this.store.beginStep(lease, 0, 'load', NOW);
    await this.plan(lease, partitionsOf(partitions));
    await this.store.dispatch(lease, 0, window);
    return lease;
  }

  async plan(lease: Lease, partitions: readonly Partition[], step = 0): Promise<void> {
    await this.store.beginPlan(lease, step);
    if (partitions.length > 0) await this.store.appendPlan(lease, step, 0, partitions, NOW);
    await this.store.sealPlan(lease, step, partitions.length, NOW);
  }

  /** Claims a partition, with the store's own fence unless the sink gave one. @returns the fence */
  async claim(ref: PartitionRef, sinkFence?: number): Promise<number> {
    const claim = await this.store.claim(ref, sinkFence, NOW);
    if (claim.kind !== 'run' && claim.kind !== 'stopping') throw new Error(`Not claimed but ${claim.kind}.`);
    return claim.fence;
  }

  /** Claims and ends a partition. */
  async run(ref: PartitionRef, counts: Counts = NO_COUNTS, status: 'COMPLETED' | 'FAILED' | 'STOPPED' = 'COMPLETED') {
    const end = status === 'FAILED' ? { status, counts, failure: 'broken' } : { status, counts };
    return this.store.finish(ref, await this.claim(ref), end, NOW);
  }

  async end(lease: Lease, status: BatchStatus): Promise<void> {
    await this.store.endExecution(lease, { status, exitCode: status }, NOW);
    await this.store.release(lease);
  }

  /** An execution that is in a status. No transition leads to UNKNOWN: it is set by hand. */
  async inStatus(status: BatchStatus, changes: Partial<Launch> = {}): Promise<ExecutionRef> {
    const lease = await this.lease(await this.launch(changes));
    if (status !== 'STARTING') await this.store.beginExecution(lease, NOW);
    if (status === 'STOPPING' || status === 'STOPPED') await this.store.stop(lease.id, NOW);
    if (status === 'STOPPED' || status === 'FAILED' || status === 'COMPLETED') await this.end(lease, status);
    if (status === 'ABANDONED') {
      await this.end(lease, 'FAILED');
      await this.store.abandon(lease.id, NOW);
    }
    if (status === 'UNKNOWN') await this.#markUnknown(lease);
    return { id: lease.id, uuid: lease.uuid };
  }

  /** What a move from STARTED to UNKNOWN would leave, of the only execution of its instance. */
  async #markUnknown({ id }: ExecutionRef): Promise<void> {
    const { instanceId, jobName } = (await this.store.findExecution(id))!;
    await this.redis
      .multi()
      .hset(this.key('execution', id), 'status', 'UNKNOWN')
      .zrem(this.key('running'), id)
      .zadd(this.key('ended', 'UNKNOWN'), NOW, id)
      .hdel(this.key('instance', instanceId), 'count:STARTED')
      .hset(this.key('instance', instanceId), 'count:UNKNOWN', 1)
      .zrem(this.key('instancesByStatus', jobName, 'STARTED'), instanceId)
      .zadd(this.key('instancesByStatus', jobName, 'UNKNOWN'), instanceId, instanceId)
      .exec();
  }

  /** Restarts an execution that has ended. */
  async restart(ref: ExecutionRef): Promise<ExecutionRef> {
    const { instanceId, status, jobName, parameters } = (await this.store.findExecution(ref.id))!;
    return this.launch({ jobName, parameters, restarts: { instanceId, executionId: ref.id, status } });
  }
}

export const launchOf = (changes: Partial<Launch> = {}): Launch => ({
  uuid: executionUuid(randomUUID()),
  jobName: 'anyJob',
  parameters: { source: 'a' },
  now: NOW,
  identity: undefined,
  restarts: undefined,
  idempotency: undefined,
  ...changes,
});

export const partitionsOf = (count: number, rows = 10): Partition[] =>
  Array.from({ length: count }, (_, i) => ({ label: `Rows ${i * rows} - ${(i + 1) * rows - 1}`, rows, data: i }));

export const partitionRef = ({ id, uuid }: ExecutionRef, partition: number, step = 0): PartitionRef => ({
  id,
  uuid,
  step,
  partition,
});

export const countsWith = (changes: Partial<Counts>): Counts => ({ ...NO_COUNTS, ...changes });

export const NOBODY: ExecutionRef = { id: executionId(4_711), uuid: executionUuid(randomUUID()) };
