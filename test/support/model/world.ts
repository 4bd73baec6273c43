import { randomBytes, randomUUID } from 'node:crypto';
import type { BatchStatus } from '#domain';
import { JobOperator, Recovery, Settlement, type Ambient, type ExecutionRecord, type Sinks } from '#engine';
import type { TransactionalSink } from '#job-kit';
import { connectRedis, createLogger, duplicateOf, type RedisClient } from '#platform';
import type { Postgres } from '#postgres';
import {
  BullDelayedWork,
  BullDispatcher,
  QUEUE_KINDS,
  queueName,
  queuePrefix,
  RedisCancelChannel,
  workerOptions,
  type QueueKind,
} from '#queues';
import { key, keyRoot, RedisExecutionReader, redisExecutionStore, type RedisExecutionStore } from '#repository';
import { Queue, Worker, type Job } from 'bullmq';
import { inject } from 'vitest';
import { aofWritten } from '../aof-written.js';
import type { TestDatabase } from '../database.js';
import type { PrivateServer } from '../private-server.js';
import { DatabaseHistory } from './database-history.js';
import { itemTable, modelJobs, type Deploy, type Item, type Places, type Run } from './jobs.js';
import { Life, mortal, mortalSink } from './life.js';
import { workOn, type Sleeper } from './worker.js';

export const MODULE = 'persistence';
const SILENT = createLogger('test', 'silent');

const LOCK_MS = 60_000;
const LOOK_FOR_STALLED_MS = 20;
/** Rounds of work and passing time after which an execution that still runs hangs. */
const MOST_ROUNDS = 60;
/** Deliveries without a pause after which work goes round in a circle. */
const MOST_DELIVERIES = 5_000;

/** What is deployed: the jobs that gateways have, and those of each kind of worker that the fleet has. */
export interface Fleet {
  gateway: Deploy;
  workers: readonly Deploy[];
}

/**
 * The engine in this process, on a real Redis, a real PostgreSQL and BullMQ's real queues. Nothing runs by itself: each
 * delivery is asked for, so that a random sequence of them can be told, repeated and made smaller.
 */
export class World {
  readonly prefix = `test-${randomBytes(6).toString('hex')}`;
  readonly store: RedisExecutionStore;
  readonly reader: RedisExecutionReader;
  readonly history: DatabaseHistory;
  /** Every item that was written by a function, as often as it was. */
  readonly rough: Item[] = [];
  /** Every tasklet that has run, as often as it has. */
  readonly ran: Run[] = [];
  fleet: Fleet = { gateway: modelJobs(), workers: [modelJobs()] };
  readonly #redis: RedisClient;
  readonly #queues: Record<QueueKind, Queue>;
  readonly #workers: Record<QueueKind, Worker>;
  readonly #ambient: Ambient = { uuid: randomUUID };
  readonly #dispatcher: BullDispatcher;
  readonly #sink: TransactionalSink<Item>;
  readonly #sleepers: (Sleeper & { kind: QueueKind; job: Job })[] = [];
  readonly #others: RedisClient[] = [];
  #deliveries = 0;

  /** @param server a Redis of its own, that it may restart. Default: the one that all tests share */
  constructor(
    readonly database: TestDatabase,
    readonly postgres: Postgres,
    private readonly server?: PrivateServer,
  ) {
    this.#redis = connectRedis(server?.url ?? inject('redisUrl'), 'patient', SILENT);
    const prefix = queuePrefix(this.prefix, MODULE);
    const connection = this.#redis;
    const options = workerOptions({
      concurrency: 1,
      lockDurationMs: LOCK_MS,
      stalledIntervalMs: LOOK_FOR_STALLED_MS,
      retryBackoffMs: 1,
    });
    this.#queues = ofKinds((kind) => new Queue(queueName(MODULE, kind), { connection, prefix }));
    this.#workers = ofKinds((kind) => new Worker(queueName(MODULE, kind), null, { connection, prefix, ...options }));
    // Of a Redis that restarts they are told too; they reconnect by themselves.
    for (const kind of QUEUE_KINDS) {
      this.#queues[kind].on('error', () => undefined);
      this.#workers[kind].on('error', () => undefined);
    }
    this.store = redisExecutionStore(this.#redis, this.prefix, MODULE);
    this.reader = new RedisExecutionReader(this.#redis, this.prefix, MODULE);
    this.history = new DatabaseHistory(database, postgres);
    this.#dispatcher = new BullDispatcher(this.#queues);
    this.#sink = postgres.sinkFor(itemTable);
  }

  /** A gateway's operator, with what is deployed now. */
  get operator(): JobOperator {
    return this.operatorWith(Life.endless());
  }

  /** A gateway's operator, as long as the gateway lives. */
  operatorWith(life: Life, store = this.store): JobOperator {
    const sinks = this.#sinksWith(this.fleet.gateway, life);
    return new JobOperator({
      jobs: sinks.jobs,
      sinks,
      store: mortal(store, life),
      dispatcher: mortal(this.#dispatcher, life),
      cancel: mortal(new RedisCancelChannel(this.#redis, this.prefix, MODULE), life),
      log: SILENT,
      ambient: this.#ambient,
    });
  }

  /** Operators of so many gateways, each on a connection of its own. */
  gateways(count: number): JobOperator[] {
    return Array.from({ length: count }, () => {
      const redis = duplicateOf(this.#redis);
      this.#others.push(redis);
      return this.operatorWith(Life.endless(), redisExecutionStore(redis, this.prefix, MODULE));
    });
  }

  async statusOf(id: number): Promise<BatchStatus | undefined> {
    return (
      ((await this.#redis.hget(key(keyRoot(this.prefix, MODULE), 'execution', id), 'status')) as
        BatchStatus | undefined) ?? undefined
    );
  }

  /** All that is stored of executions. */
  async recordsOf(executions: readonly { id: number }[]): Promise<(Partial<ExecutionRecord> | undefined)[]> {
    const records = await Promise.all(executions.map(({ id }) => this.store.findExecution(id as never)));
    return records.map((record) => record && { ...record, readAt: undefined });
  }

  /**
   * Has a worker take the next job of a queue.
   *
   * @param worker which kind of worker of the fleet: they take turns, unless one is named
   * @returns `idle` if there is none, `stopped` if its life ended first: then it sleeps, and its lock runs out
   */
  async deliver(kind: QueueKind, life: Life, worker = this.#deliveries): Promise<'idle' | 'done' | 'stopped'> {
    const token = `worker-${(this.#deliveries += 1)}`;
    const job = (await this.#workers[kind].getNextJob(token, { block: false })) as Job | undefined;
    if (!job) return 'idle';
    const { workers } = this.fleet;
    const sleeper = this.#work(kind, job, token, life, workers[worker % workers.length]!);
    const { work } = sleeper;
    const end = await Promise.race([work.then(() => 'done' as const), life.over.then(() => 'stopped' as const)]);
    if (end === 'stopped') {
      this.#sleepers.push({ kind, job, ...sleeper });
      await this.#losesItsLock(kind, job);
    }
    return end;
  }

  /** Has a worker that stopped go on as if nothing had been, until it leaves. */
  async wake(choice: number): Promise<void> {
    const [sleeper] = this.#sleepers.splice(Math.floor(choice * this.#sleepers.length), 1);
    if (!sleeper) return;
    sleeper.life.wake();
    await sleeper.work;
  }

  /** A worker that stopped is dead: its connections close. */
  async bury(): Promise<void> {
    for (const { sessions } of this.#sleepers.splice(0)) for (const session of sessions) await session.close();
  }

  /**
   * Delays are over, leases of the silent have run out, and the sweeper looks.
   *
   * @param beyondHandBack whether work may not be handed back any longer
   */
  async timePasses(beyondHandBack = false): Promise<void> {
    for (const kind of QUEUE_KINDS) await this.#queues[kind].promoteJobs();
    const leases = await this.#redis.keys(`${this.prefix}:*:lease`);
    if (leases.length > 0) await this.#redis.del(...leases);
    const sinks = this.#sinksWith(this.fleet.workers[0]!, Life.endless());
    await new Recovery({
      store: this.store,
      sinks,
      settlement: new Settlement({ store: this.store, sinks }),
      dispatcher: this.#dispatcher,
      delayed: new BullDelayedWork(this.#queues, this.#redis),
      log: SILENT,
      silenceMs: 0,
      handBackMs: beyondHandBack ? -1 : Infinity,
    }).sweep();
  }

  /** Somebody removes a job from a queue by hand. */
  async removeJob(kind: QueueKind): Promise<void> {
    const [job] = await this.#queues[kind].getJobs(['waiting', 'delayed'], 0, 0);
    await job?.remove();
  }

  async flushScripts(): Promise<void> {
    await this.#redis.script('FLUSH');
  }

  /**
   * Redis ends and comes back with all that it has answered to: at a SIGTERM it syncs its file, and a SIGKILL leaves what
   * was handed to the system. Only while a slow disk syncs does a Redis with AOF everysec answer before it hands over, so
   * that is waited for; what a machine loses with its power no restart loses.
   */
  async restartRedis(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    if (!this.server) throw new Error('This Redis is shared.');
    await aofWritten(this.#redis);
    await this.server.end(signal);
    await this.server.begin();
  }

  /**
   * Has workers take what is in the queues, until nothing is.
   *
   * @param worker as in {@link deliver}
   * @throws if that never comes to pass
   */
  async work(worker?: number): Promise<void> {
    let left = MOST_DELIVERIES;
    for (let done = true; done;) {
      done = false;
      for (const kind of QUEUE_KINDS) {
        for (; left > 0 && (await this.deliver(kind, Life.endless(), worker)) === 'done'; left -= 1) done = true;
      }
    }
    if (left === 0) throw new Error('Work goes round in a circle.');
  }

  /**
   * Wakes whoever sleeps and works until nothing runs. Each kind of worker has the fleet to itself in turn, so work that
   * one of them can do is done; after some rounds, work that none of them can do has waited too long.
   *
   * @throws if that does not come to pass
   */
  async settle(): Promise<void> {
    while (this.#sleepers.length > 0) await this.wake(0);
    for (let round = 0; round < MOST_ROUNDS; round += 1) {
      await this.work(round);
      await this.timePasses(round > MOST_ROUNDS / 6);
      if ((await this.#redis.zcard(key(keyRoot(this.prefix, MODULE), 'running'))) === 0) return;
    }
    throw new Error('An execution runs for ever.');
  }

  /** What has been written in transactions for these executions, as often as it stands there. */
  written(executions: readonly string[]): Promise<Item[]> {
    return this.database.query<Item & Record<string, unknown>>('SELECT * FROM item WHERE execution = ANY($1)', [
      executions,
    ]);
  }

  async close(): Promise<void> {
    for (const { life, work } of this.#sleepers.splice(0)) {
      life.wake();
      await work;
    }
    for (const kind of QUEUE_KINDS) {
      await this.#workers[kind].close(true);
      await this.#queues[kind].close();
    }
    const keys = await this.#redis.keys(`${this.prefix}:*`);
    if (keys.length > 0) await this.#redis.unlink(...keys);
    for (const redis of [this.#redis, ...this.#others]) redis.disconnect();
  }

  #work(kind: QueueKind, job: Job, token: string, life: Life, deploy: Deploy): Sleeper {
    const sleeper: Sleeper = { life, work: Promise.resolve(), sessions: [] };
    const sinks = this.#sinksWith(deploy, life, sleeper);
    const shared = {
      moduleId: MODULE,
      jobs: sinks.jobs,
      sinks,
      store: mortal(this.store, life),
      dispatcher: mortal(this.#dispatcher, life),
      ambient: this.#ambient,
      log: SILENT,
    };
    const settlement = new Settlement({ store: shared.store, sinks });
    const parts = { ...shared, settlement, leaseMs: LOCK_MS };
    sleeper.work = workOn(kind, job, token, life, parts);
    return sleeper;
  }

  #placesWith(life: Life, sleeper?: Sleeper): Places {
    const wrap = <O>(sink: TransactionalSink<O>) =>
      mortalSink(sink, life, (session) => sleeper?.sessions.push(session as Sleeper['sessions'][number]));
    return { sink: wrap(this.#sink), wrap, rough: this.rough, ran: this.ran };
  }

  #sinksWith(deploy: Deploy, life: Life, sleeper?: Sleeper): Sinks {
    const places = this.#placesWith(life, sleeper);
    return { jobs: deploy(places), own: places.sink };
  }

  /** The lock of a worker that stopped runs out, and the queue gives its job to the next. */
  async #losesItsLock(kind: QueueKind, job: Job): Promise<void> {
    const worker = this.#workers[kind];
    const lock = `${queuePrefix(this.prefix, MODULE)}:${queueName(MODULE, kind)}:${job.id}:lock`;
    // A worker that stopped as the very last thing has no lock any more, and its job is gone.
    if ((await this.#redis.del(lock)) === 0) return;
    const stalled = new Promise<void>((resolve) => {
      const told = (id: string) => {
        if (id !== job.id) return;
        worker.off('stalled', told);
        resolve();
      };
      worker.on('stalled', told);
    });
    await worker.startStalledCheckTimer();
    await stalled;
  }
}

const ofKinds = <T>(make: (kind: QueueKind) => T): Record<QueueKind, T> => ({
  executions: make('executions'),
  steps: make('steps'),
  partitions: make('partitions'),
});
