import { randomBytes, randomUUID } from 'node:crypto';
import type { BatchStatus } from '#domain';
import {
  Controller,
  JobOperator,
  PartitionRunner,
  Recovery,
  Settlement,
  type Ambient,
  type ExecutionRecord,
} from '#engine';
import type { FhirStore } from '#fhir-store';
import type { JobRegistry, SinkSession } from '#job-kit';
import { connectRedis, createLogger, duplicateOf, type RedisClient } from '#platform';
import {
  ActiveWork,
  BullDispatcher,
  executionOf,
  partitionOf,
  queueName,
  queuePrefix,
  RedisCancelChannel,
  workerOptions,
} from '#queues';
import { key, keyRoot, RedisExecutionReader, RedisExecutionStore } from '#repository';
import { Queue, Worker, type Job } from 'bullmq';
import { inject } from 'vitest';
import { aofWritten } from '../aof-written.js';
import type { TestDatabase } from '../database.js';
import type { PrivateServer } from '../private-server.js';
import { modelJobs, sinkOf, type Item } from './jobs.js';
import { Life, mortal, mortalSink } from './life.js';

const MODULE = 'persistence';
const SILENT = createLogger('test', 'silent');
const KINDS = ['executions', 'partitions'] as const;
export type Kind = (typeof KINDS)[number];

const LOCK_MS = 60_000;
const LOOK_FOR_STALLED_MS = 20;
/** Longer than any silence that is still no reason to look. */
const LONG_MS = 120_000;
/** Rounds of work and passing time after which an execution that still runs hangs. */
const MOST_ROUNDS = 60;

/** A worker that stopped in the middle of its work. */
interface Sleeper {
  kind: Kind;
  job: Job;
  life: Life;
  work: Promise<void>;
  sessions: SinkSession<Item>[];
}

/**
 * The engine in this process, on a real Redis, a real PostgreSQL and BullMQ's real queues. Nothing runs by itself: each
 * delivery is asked for, so that a random sequence of them can be told, repeated and made smaller.
 */
export class World {
  readonly prefix = `test-${randomBytes(6).toString('hex')}`;
  readonly operator: JobOperator;
  readonly store: RedisExecutionStore;
  readonly reader: RedisExecutionReader;
  /** Every item that `roughJob` has written, as often as it was. */
  readonly rough: Item[] = [];
  #clock = 1_700_000_000_000;
  readonly #redis: RedisClient;
  readonly #queues: Record<Kind, Queue>;
  readonly #workers: Record<Kind, Worker>;
  readonly #ambient: Ambient = { now: () => (this.#clock += 1), uuid: randomUUID };
  readonly #jobs: JobRegistry;
  readonly #dispatcher: BullDispatcher;
  readonly #sleepers: Sleeper[] = [];
  readonly #others: RedisClient[] = [];
  #deliveries = 0;

  /** @param server a Redis of its own, that it may restart. Default: the one that all tests share */
  constructor(
    readonly database: TestDatabase,
    private readonly sink: FhirStore,
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
    for (const kind of KINDS) {
      this.#queues[kind].on('error', () => undefined);
      this.#workers[kind].on('error', () => undefined);
    }
    this.store = new RedisExecutionStore(this.#redis, this.prefix, MODULE);
    this.reader = new RedisExecutionReader(this.#redis, this.prefix, MODULE);
    this.#dispatcher = new BullDispatcher(this.#queues.executions, this.#queues.partitions);
    this.#jobs = modelJobs(sinkOf(sink), (items) => this.rough.push(...items));
    this.operator = this.operatorWith(Life.endless());
  }

  /** A gateway's operator, as long as the gateway lives. */
  operatorWith(life: Life, store = this.store): JobOperator {
    return new JobOperator({
      jobs: this.#jobs,
      store: mortal(store, life),
      dispatcher: mortal(this.#dispatcher, life),
      gates: mortal(this.sink.gates, life),
      ledger: mortal(this.sink.ledger, life),
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
      return this.operatorWith(Life.endless(), new RedisExecutionStore(redis, this.prefix, MODULE));
    });
  }

  async statusOf(id: number): Promise<BatchStatus | undefined> {
    return (
      ((await this.#redis.hget(key(keyRoot(this.prefix, MODULE), 'execution', id), 'status')) as
        BatchStatus | undefined) ?? undefined
    );
  }

  recordsOf(executions: readonly { id: number }[]): Promise<(ExecutionRecord | undefined)[]> {
    return Promise.all(executions.map(({ id }) => this.store.findExecution(id as never)));
  }

  /**
   * Has a worker take the next job of a queue.
   *
   * @returns `idle` if there is none, `stopped` if its life ended first: then it sleeps, and its lock runs out
   */
  async deliver(kind: Kind, life: Life): Promise<'idle' | 'done' | 'stopped'> {
    const token = `worker-${(this.#deliveries += 1)}`;
    const job = (await this.#workers[kind].getNextJob(token, { block: false })) as Job | undefined;
    if (!job) return 'idle';
    const sessions: SinkSession<Item>[] = [];
    const work = this.#work(kind, job, token, life, sessions);
    const end = await Promise.race([work.then(() => 'done' as const), life.over.then(() => 'stopped' as const)]);
    if (end === 'stopped') {
      this.#sleepers.push({ kind, job, life, work, sessions });
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

  /** Delays are over, leases of the silent have run out, and the sweeper looks. */
  async timePasses(): Promise<void> {
    this.#clock += LONG_MS;
    for (const kind of KINDS) await this.#queues[kind].promoteJobs();
    const leases = await this.#redis.keys(`${this.prefix}:*:lease`);
    if (leases.length > 0) await this.#redis.del(...leases);
    await new Recovery({
      store: this.store,
      settlement: this.#settlementOn(Life.endless()),
      dispatcher: this.#dispatcher,
      log: SILENT,
      silenceMs: 0,
    }).sweep();
  }

  /** Somebody removes a job from a queue by hand. */
  async removeJob(kind: Kind): Promise<void> {
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

  /** Has workers take what is in the queues, until nothing is. */
  async work(): Promise<void> {
    for (let done = true; done;) {
      done = false;
      for (const kind of KINDS) while ((await this.deliver(kind, Life.endless())) === 'done') done = true;
    }
  }

  /** Wakes whoever sleeps and works until nothing runs. @throws if that does not come to pass */
  async settle(): Promise<void> {
    while (this.#sleepers.length > 0) await this.wake(0);
    for (let round = 0; round < MOST_ROUNDS; round += 1) {
      await this.work();
      await this.timePasses();
      if ((await this.#redis.zcard(key(keyRoot(this.prefix, MODULE), 'running'))) === 0) return;
    }
    throw new Error('An execution runs for ever.');
  }

  /** What has been written in transactions for these executions, as often as it stands there. */
  written(executions: readonly string[]): Promise<Item[]> {
    return this.database.query<Item & Record<string, unknown>>('SELECT * FROM ledger WHERE execution = ANY($1)', [
      executions,
    ]);
  }

  async close(): Promise<void> {
    for (const { life, work } of this.#sleepers.splice(0)) {
      life.wake();
      await work;
    }
    for (const kind of KINDS) {
      await this.#workers[kind].close(true);
      await this.#queues[kind].close();
    }
    const keys = await this.#redis.keys(`${this.prefix}:*`);
    if (keys.length > 0) await this.#redis.unlink(...keys);
    for (const redis of [this.#redis, ...this.#others]) redis.disconnect();
  }

  async #work(kind: Kind, job: Job, token: string, life: Life, sessions: SinkSession<Item>[]): Promise<void> {
    const shared = {
      moduleId: MODULE,
      jobs: modelJobs(
        mortalSink(sinkOf(this.sink), life, (session) => sessions.push(session)),
        (items) => this.rough.push(...items),
      ),
      store: mortal(this.store, life),
      dispatcher: mortal(this.#dispatcher, life),
      ambient: this.#ambient,
      log: SILENT,
      maxTries: 1_000,
      maxFruitlessAttempts: 1_000,
    };
    const gates = mortal(this.sink.gates, life);
    const settlement = this.#settlementOn(life);
    const controller = new Controller({ ...shared, gates, settlement, window: 2, leaseMs: LOCK_MS });
    const runner = new PartitionRunner(shared);
    const active = new ActiveWork();
    try {
      await active.run(job, token, (delivery) =>
        kind === 'executions'
          ? controller.control(executionOf(job.data), delivery)
          : runner.run(partitionOf(job.data), delivery),
      );
      await life.spend(() => job.moveToCompleted(undefined, token, false));
    } catch (error) {
      // One that has lost its lock is told so here, and nobody minds.
      await job.moveToFailed(error as Error, token, false).catch(() => undefined);
    }
  }

  #settlementOn(life: Life): Settlement {
    return new Settlement({
      jobs: this.#jobs,
      store: mortal(this.store, life),
      gates: mortal(this.sink.gates, life),
      ledger: mortal(this.sink.ledger, life),
      ambient: this.#ambient,
    });
  }

  /** The lock of a worker that stopped runs out, and the queue gives its job to the next. */
  async #losesItsLock(kind: Kind, job: Job): Promise<void> {
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

const ofKinds = <T>(make: (kind: Kind) => T): Record<Kind, T> => ({
  executions: make('executions'),
  partitions: make('partitions'),
});
