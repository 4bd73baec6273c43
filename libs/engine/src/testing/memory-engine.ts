import { assertNever, isRunning, type ExecutionId } from '#domain';
import { jobRegistry, type Job, type JobParameters, type Log } from '#job-kit';
import { randomUUID } from 'node:crypto';
import { Controller } from '../controller.js';
import type { Delivery } from '../delivery.js';
import { JobOperator } from '../operator.js';
import type { Started } from '../operator.port.js';
import type { Outcome } from '../outcome.js';
import { PartitionRunner } from '../partition-runner.js';
import type { ExecutionRecord, StepExecutionRecord } from '../records.js';
import { Recovery } from '../recovery.js';
import { Settlement } from '../settlement.js';
import { StepRunner } from '../step-runner.js';
import type { ExecutionRef } from '../store.port.js';
import type { CancelChannel } from '../work.port.js';
import { ManualClock } from './clock.js';
import { MemoryDatabase } from './memory-database.js';
import { MemoryQueue, type QueuedJob } from './memory-queue.js';
import { memoryStore, type MemoryStore } from './memory-store.js';

const MODULE = 'persistence';

/** How long work waits until it is delivered again, in ms. */
const DELAYS = { notHere: 1_000, unavailable: 2_000, firstRepeat: 1_000, mostRepeat: 30_000 };

/** Rounds of work and passing time after which an execution that still runs hangs. */
const MOST_ROUNDS = 100;

export const SILENT: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

export interface MemoryEngineOptions {
  /** Where a step writes whose job is not known. Default: an empty one. */
  database?: MemoryDatabase;
  log?: Log;
  /** Most partitions of one execution in the queue at a time. Default 4. */
  window?: number;
  /** Tries at work that meets transient faults. Default 8. */
  maxTries?: number;
  /** Attempts in a row that may die. Default 10. */
  maxAttempts?: number;
  /** How long a silent controller keeps its lease, and how long an execution may be silent, in ms. Default 30 s. */
  silenceMs?: number;
  /** How long work may be handed back by all workers, in ms. Default a day. */
  handBackMs?: number;
}

/** Wraps what a process calls: by default it is called as it is. */
export type Wrap = <T extends object>(port: T) => T;

const asItIs: Wrap = (port) => port;

/** A worker process: the jobs that it has, and how its calls get out. */
export interface MemoryWorker {
  jobs: readonly Job[];
  wrap?: Wrap;
}

/** A delivery that somebody works on. */
export interface InHand {
  job: QueuedJob;
  outcome: Promise<Outcome>;
  abort: AbortController;
  drain: AbortController;
  stop: AbortController;
}

/**
 * The whole engine in memory: store, queue, database, workers and a gateway. Nothing runs by itself and no time passes by
 * itself, so that a test decides what happens next, and takes milliseconds.
 */
export class MemoryEngine {
  readonly clock = new ManualClock();
  readonly store: MemoryStore = memoryStore(this.clock);
  readonly queue = new MemoryQueue(this.clock);
  readonly database: MemoryDatabase;
  /** Jobs that the gateway knows. */
  operator: JobOperator;
  /** They take turns. */
  workers: MemoryWorker[];
  readonly #inHand = new Set<InHand>();
  readonly #options: Required<Omit<MemoryEngineOptions, 'database'>>;
  #turn = 0;
  /** Job → turn of its next delivery. */
  readonly #turns = new Map<string, number>();

  /** Has one worker, with the jobs that the gateway knows. */
  constructor(jobs: readonly Job[], options: MemoryEngineOptions = {}) {
    const defaults = {
      log: SILENT,
      window: 4,
      maxTries: 8,
      maxAttempts: 10,
      silenceMs: 30_000,
      handBackMs: 86_400_000,
    };
    this.#options = { ...defaults, ...options };
    this.database = options.database ?? new MemoryDatabase();
    this.workers = [{ jobs }];
    this.operator = this.gateway(jobs);
  }

  /** Gateway and workers have these jobs from now on; what runs goes on with them. */
  deploy(...jobs: Job[]): void {
    this.workers = [{ jobs }];
    this.operator = this.gateway(jobs);
  }

  // Operations

  start(jobName: string, parameters: JobParameters = {}): Promise<Started> {
    return this.operator.start({ jobName, parameters, requestedBy: 'ann' });
  }

  restart(id: ExecutionId): Promise<Started> {
    return this.operator.restart(id, 'ann');
  }

  /** @throws Error if there is no such execution */
  async execution(id: ExecutionId): Promise<ExecutionRecord> {
    const found = await this.store.findExecution(id);
    if (!found) throw new Error(`There is no execution ${id}.`);
    return found;
  }

  /** Step executions in start order, a step before its partitions. */
  steps(id: ExecutionId): Promise<StepExecutionRecord[]> {
    return this.store.listSteps(id, 0, Infinity);
  }

  // Work

  /** Hands a job that is due to a worker, the next in turn unless one is named. Undefined if no job is due. */
  take(worker?: MemoryWorker, jobId?: string): InHand | undefined {
    const job = this.queue.take(jobId);
    if (!job) return undefined;
    const [abort, drain, stop] = [new AbortController(), new AbortController(), new AbortController()];
    const delivery = { id: job.id, tries: job.spent + 1, abort: abort.signal, drain: drain.signal, stop: stop.signal };
    const outcome = this.#run(worker ?? this.#nextWorker(job), job, delivery);
    const inHand = { job, outcome, abort, drain, stop };
    this.#inHand.add(inHand);
    return inHand;
  }

  /** Tells the queue what became of a delivery. */
  async answer(inHand: InHand): Promise<Outcome> {
    try {
      const outcome = await inHand.outcome;
      this.#settleJob(inHand.job, outcome);
      return outcome;
    } finally {
      this.#inHand.delete(inHand);
    }
  }

  /** Delivers one job, and waits for its end. Undefined if none is due. */
  async deliver(worker?: MemoryWorker, jobId?: string): Promise<Outcome | undefined> {
    const inHand = this.take(worker, jobId);
    return inHand && this.answer(inHand);
  }

  /** Delivers until no job is due. @returns whether there was any */
  async work(): Promise<boolean> {
    let any = false;
    while (await this.deliver()) any = true;
    return any;
  }

  /** @param silenceMs how long an execution must have been silent. Default: the engine's own */
  sweep(silenceMs?: number): Promise<void> {
    return this.#recovery().sweep(silenceMs);
  }

  /**
   * Works, lets time pass and sweeps until nothing runs.
   *
   * @throws Error if that does not come to pass
   */
  async settle(): Promise<void> {
    for (let round = 0; round < MOST_ROUNDS; round++) {
      await this.work();
      if (this.queue.waiting.length === 0 && (await this.#isAtRest())) return;
      this.passTime();
      await this.sweep();
    }
    throw new Error('An execution runs for ever, or its counts cannot be settled.');
  }

  /** Until the next job is due; if there is none, until all that runs has been silent for too long. */
  passTime(): void {
    const due = Math.min(...this.queue.waiting.map((job) => job.due));
    this.clock.pass(Number.isFinite(due) ? Math.max(due - this.clock.now, 0) : this.#options.silenceMs + 1);
  }

  /** A gateway's operator. @param wrap how its calls get out */
  gateway(jobs: readonly Job[], wrap: Wrap = asItIs): JobOperator {
    const registry = jobRegistry(jobs);
    return new JobOperator({
      jobs: registry,
      store: wrap(this.store),
      dispatcher: wrap(this.queue),
      sinks: { jobs: registry, own: wrap({ gate: wrap(this.database.gate), ledger: wrap(this.database.ledger) }) },
      cancel: wrap(this.#cancel),
      ambient: { uuid: this.#uuid },
      log: this.#options.log,
    });
  }

  readonly #uuid = (): string => randomUUID();

  readonly #cancel: CancelChannel = {
    announce: async ({ uuid }: ExecutionRef, how) => {
      for (const { job, stop, abort } of this.#inHand) {
        if (job.work.ref.uuid === uuid) (how === 'stop' ? stop : abort).abort();
      }
    },
  };

  /** What comes again goes to another worker than before. */
  #nextWorker({ id }: QueuedJob): MemoryWorker {
    const turn = this.#turns.get(id) ?? this.#turn++;
    this.#turns.set(id, turn + 1);
    return this.workers[turn % this.workers.length]!;
  }

  #run(worker: MemoryWorker, { work }: QueuedJob, delivery: Delivery): Promise<Outcome> {
    const { kind, ref } = work;
    const parts = this.#partsOf(worker);
    switch (kind) {
      case 'control':
        return new Controller(parts).control(ref, delivery);
      case 'step':
        return new StepRunner(parts).run(ref, delivery);
      case 'partition':
        return new PartitionRunner(parts).run(ref, delivery);
      default:
        return assertNever(kind);
    }
  }

  #partsOf({ jobs, wrap = asItIs }: MemoryWorker) {
    const registry = jobRegistry(jobs);
    const own = { gate: wrap(this.database.gate), ledger: wrap(this.database.ledger) };
    const [store, sinks] = [wrap(this.store), { jobs: registry, own }];
    return {
      ...this.#options,
      moduleId: MODULE,
      jobs: registry,
      store,
      dispatcher: wrap(this.queue),
      sinks,
      settlement: new Settlement({ store, sinks }),
      ambient: { uuid: this.#uuid },
      leaseMs: this.#options.silenceMs,
      // No real time passes in a test that needs to be told.
      watchMs: 60_000,
    };
  }

  #recovery(): Recovery {
    const parts = this.#partsOf(this.workers[0] ?? { jobs: [] });
    return new Recovery({ ...parts, delayed: this.queue });
  }

  #settleJob(job: QueuedJob, outcome: Outcome): void {
    switch (outcome.kind) {
      case 'done':
        return this.queue.done(job);
      case 'failed':
        return this.queue.fail(job);
      case 'hand-back':
        return this.queue.putBack(job, 0, 0);
      case 'not-here':
        return this.queue.putBack(job, DELAYS.notHere, 0);
      case 'unavailable':
        return this.queue.putBack(job, DELAYS.unavailable, 0);
      case 'repeat':
        return this.queue.putBack(job, Math.min(DELAYS.firstRepeat * 2 ** job.spent, DELAYS.mostRepeat), 1);
      default:
        return assertNever(outcome);
    }
  }

  async #isAtRest(): Promise<boolean> {
    const [running, unsettled] = [await this.store.silentFor(0, 1), await this.store.unsettledFor(0, 1)];
    return running.length === 0 && unsettled.length === 0;
  }
}

/** What an execution has come to. */
export interface JobRun {
  execution: ExecutionRecord;
  /** In start order, a step before its partitions. */
  steps: StepExecutionRecord[];
  engine: MemoryEngine;
}

/**
 * Runs a job to its end in memory: no Redis, no PostgreSQL, no waiting.
 *
 * @throws LongshoreError if the start is refused
 */
export async function runJob(
  job: Job,
  parameters: JobParameters = {},
  options: MemoryEngineOptions = {},
): Promise<JobRun> {
  const engine = new MemoryEngine([job], options);
  const { executionId } = await engine.start(job.name, parameters);
  await engine.settle();
  const execution = await engine.execution(executionId);
  if (isRunning(execution.status)) throw new Error(`Execution ${executionId} runs for ever.`);
  return { execution, steps: await engine.steps(executionId), engine };
}
