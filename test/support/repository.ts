import {
  executionId,
  executionUuid,
  NO_COUNTS,
  type BatchStatus,
  type Counts,
  type JobDefinition,
  type StepDefinition,
} from '#domain';
import type { ExecutionRef, Launch, Lease, PartitionRef, StepEnd, StepRef } from '#engine';
import type { Partition } from '#job-kit';
import { connectRedis, createLogger, type RedisClient } from '#platform';
import {
  key,
  keyRoot,
  RedisExecutionReader,
  redisExecutionStore,
  type RedisExecutionStore,
  type KeyName,
} from '#repository';
import { randomBytes, randomUUID } from 'node:crypto';
import { inject } from 'vitest';

export const MODULE = 'persistence';
export const LEASE_MS = 60_000;
/** A time long ago, in ms: what has this score has been silent, or unsettled, for years. */
export const LONG_AGO = 1_000_000_000_000;

/** The steps of `anyJob`. */
export const LOAD = { name: 'load', kind: 'chunk' } as const satisfies StepDefinition;
export const CLOSE = { name: 'close', kind: 'tasklet' } as const satisfies StepDefinition;
/** A job that has nothing to do: its executions may COMPLETE at once. */
export const NO_STEPS: JobDefinition = { version: '1', steps: [] };
export const DEFINITION: JobDefinition = { version: '1', steps: [LOAD, CLOSE] };

/** Everything that stands in Redis under a root: values by key without the root, in an order that does not depend on history. */
export type Snapshot = Record<string, unknown>;

const BY_THE_CLOCK = 'by the clock';
const CLOCKED = ['running', 'unsettled', 'forgotten'] as const;

/** The state of one module, under a key prefix of its own. */
export class TestRepository {
  readonly prefix = `test-${randomBytes(6).toString('hex')}`;
  readonly root = keyRoot(this.prefix, MODULE);
  readonly redis = this.#connect();
  readonly store = redisExecutionStore(this.redis, this.prefix, MODULE);
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
      return redisExecutionStore(redis, this.prefix, MODULE);
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
        return withoutLastUpdate(await this.redis.hgetall(name));
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

  /** What is said twice is said later: these scores are left open. */
  #scores(name: string, flat: string[]): string[] {
    if (!CLOCKED.some((index) => name === this.key(index))) return flat;
    return flat.map((value, i) => (i % 2 === 0 ? value : BY_THE_CLOCK));
  }

  /** Redis's time, in ms. */
  async time(): Promise<number> {
    const [seconds, microseconds] = (await this.redis.time()) as [number | string, number | string];
    return Number(seconds) * 1_000 + Math.floor(Number(microseconds) / 1_000);
  }

  /** Runs a call, and tells which times of Redis's it may have stored: none that was stored before. */
  async timed(call: () => Promise<unknown>): Promise<{ covers: (time: number | undefined) => boolean }> {
    const before = await this.time();
    let since = before;
    while (since === before) since = await this.time();
    await call();
    const until = await this.time();
    return { covers: (time) => time !== undefined && time >= since && time <= until };
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
    await this.store.beginExecution(lease);
    return lease;
  }

  /** An execution whose step `load` is planned and has a window of partitions in flight. */
  async loading(partitions: number, window = partitions): Promise<Lease> {
    const lease = await this.started();
    await this.begin(lease, LOAD, partitionsOf(partitions), window);
    return lease;
  }

  /** Begins a chunk step and plans it. */
  async begin(lease: Lease, step: StepDefinition, plan: readonly Partition[], window = plan.length): Promise<void> {
    await this.store.beginStep(lease, step.name);
    const fence = await this.work(lease, step);
    await this.plan(stepRef(lease, step.name), fence, plan, window);
  }

  /** Hands a step's own work out and claims it. @returns the fence */
  async work(lease: Lease, step: StepDefinition): Promise<number> {
    await this.store.handOut(lease, step, 0);
    const claim = await this.store.claimStep(stepRef(lease, step.name));
    if (claim.kind !== 'run' && claim.kind !== 'stopping') throw new Error(`Not claimed but ${claim.kind}.`);
    return claim.fence;
  }

  async plan(ref: StepRef, fence: number, partitions: readonly Partition[], window = partitions.length) {
    await this.store.beginPlan(ref, fence);
    if (partitions.length > 0) await this.store.appendPlan(ref, fence, 0, partitions);
    return this.store.finishStep(ref, fence, { status: 'PLANNED' }, { partitions: partitions.length, window });
  }

  /** Claims a partition, with the store's own fence unless the sink gave one. @returns the fence */
  async claim(ref: PartitionRef, sinkFence?: number): Promise<number> {
    const claim = await this.store.claim(ref, sinkFence);
    if (claim.kind !== 'run' && claim.kind !== 'stopping') throw new Error(`Not claimed but ${claim.kind}.`);
    return claim.fence;
  }

  /** Claims and ends a partition. */
  async run(ref: PartitionRef, counts: Counts = NO_COUNTS, status: 'COMPLETED' | 'FAILED' | 'STOPPED' = 'COMPLETED') {
    const end = status === 'FAILED' ? { status, counts, failure: 'broken' } : { status, counts };
    return this.store.finish(ref, await this.claim(ref), end);
  }

  async end(lease: Lease, status: StepEnd['status']): Promise<void> {
    await this.store.endExecution(lease, { status, exitCode: status });
    await this.store.release(lease);
  }

  /** An execution that is in a status. No transition leads to UNKNOWN: it is set by hand. */
  async inStatus(status: BatchStatus, changes: Partial<Launch> = {}): Promise<ExecutionRef> {
    const definition = status === 'COMPLETED' ? NO_STEPS : DEFINITION;
    const lease = await this.lease(await this.launch({ definition, ...changes }));
    if (status !== 'STARTING') await this.store.beginExecution(lease);
    if (status === 'STOPPING' || status === 'STOPPED') await this.store.stop(lease.id);
    if (status === 'STOPPED' || status === 'FAILED' || status === 'COMPLETED') await this.end(lease, status);
    if (status === 'ABANDONED') {
      await this.end(lease, 'FAILED');
      await this.store.abandon(lease.id);
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
      .zadd(this.key('ended', 'UNKNOWN'), LONG_AGO, id)
      .hdel(this.key('instance', instanceId), 'count:STARTED')
      .hset(this.key('instance', instanceId), 'count:UNKNOWN', 1)
      .hset(this.key('instance', instanceId), 'statuses', 'UNKNOWN')
      .zrem(this.key('instancesByStatuses', jobName, 'STARTED'), instanceId)
      .zadd(this.key('instancesByStatuses', jobName, 'UNKNOWN'), instanceId, instanceId)
      .sadd(this.key('statusSets', jobName), 'UNKNOWN')
      .exec();
    if ((await this.redis.exists(this.key('instancesByStatuses', jobName, 'STARTED'))) === 0) {
      await this.redis.srem(this.key('statusSets', jobName), 'STARTED');
    }
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
  definition: DEFINITION,
  parameters: { source: 'a' },
  identity: undefined,
  restarts: undefined,
  idempotency: undefined,
  ...changes,
});

export const partitionsOf = (count: number, rows = 10): Partition[] =>
  Array.from({ length: count }, (_, i) => ({ label: `Rows ${i * rows} - ${(i + 1) * rows - 1}`, rows, data: i }));

export const stepRef = ({ id, uuid }: ExecutionRef, step = LOAD.name as string): StepRef => ({ id, uuid, step });

export const partitionRef = (execution: ExecutionRef, partition: number, step?: string): PartitionRef => ({
  ...stepRef(execution, step),
  partition,
});

/** A hash without the time that every change of it sets anew. */
const withoutLastUpdate = (hash: Record<string, string>): Record<string, string> =>
  'lastUpdatedTime' in hash ? { ...hash, lastUpdatedTime: BY_THE_CLOCK } : hash;

export const countsWith = (changes: Partial<Counts>): Counts => ({ ...NO_COUNTS, ...changes });

export const NOBODY: ExecutionRef = { id: executionId(4_711), uuid: executionUuid(randomUUID()) };
