import { isRunning, type Counts } from '#domain';
import {
  GateClosedError,
  reach,
  SkipLimitExceededError,
  SupersededError,
  TransientError,
  type ChunkStep,
  type JobRegistry,
  type Log,
  type PartitionContext,
  type SinkSession,
} from '#job-kit';
import { runChunks } from './chunk-loop.js';
import { functionCommitter, sinkCommitter } from './committer.js';
import { HandBackError, RepeatError, StepFailure, type Delivery } from './delivery.js';
import { ExecutionCache } from './execution-cache.js';
import { jobCode } from './job-code.js';
import type {
  Announcement,
  Claim,
  ControlledExecution,
  PartitionEnd,
  PartitionRef,
  PartitionStore,
} from './store.port.js';
import type { Ambient, Dispatcher } from './work.port.js';

export interface PartitionRunnerParts {
  moduleId: string;
  jobs: JobRegistry;
  store: PartitionStore;
  dispatcher: Dispatcher;
  ambient: Ambient;
  log: Log;
  /** Tries at work that meets transient faults, counted since the last commit. */
  maxTries: number;
  /** Attempts in a row that may die without committing a chunk before the partition fails. */
  maxFruitlessAttempts: number;
}

/** A step with the parameters of the execution it runs for. */
interface Definition {
  step: ChunkStep<unknown>;
  parameters: unknown;
}

/** What an attempt holds, from the claim on. */
interface Work {
  ref: PartitionRef;
  execution: ControlledExecution;
  delivery: Delivery;
  /** Undefined where opening failed for good: `failure` tells why. */
  definition: Definition | undefined;
  session: SinkSession<unknown> | undefined;
  failure: Error | undefined;
  claim: Extract<Claim, { kind: 'run' | 'stopping' }>;
  /** What is committed so far by this execution. */
  counts: Counts;
}

/** The partition's failure is recorded; the queue shows its job as failed. */
export class PartitionFailedError extends Error {
  override readonly name = 'PartitionFailedError';
}

/** Runs partitions: claim → perform → record → announce. */
export class PartitionRunner {
  readonly #executions: ExecutionCache;

  constructor(private readonly parts: PartitionRunnerParts) {
    this.#executions = new ExecutionCache((ref) => parts.store.load(ref));
  }

  /**
   * Runs one partition, or what is left of it. Bears repeated and stale deliveries.
   *
   * @throws HandBackError if the worker leaves; PartitionFailedError once a failure is recorded; anything else
   *   (TransientError, RepeatError, Redis away) wants a repeat
   */
  async run(ref: PartitionRef, delivery: Delivery): Promise<void> {
    const execution = await this.#executions.get(ref);
    if (!execution) return;
    let opened: Opened | undefined;
    try {
      opened = await this.#open(ref, execution, delivery);
      const work = await this.#claim(ref, execution, delivery, opened);
      if (!work) return;
      const end = await this.#perform(work).catch((error: unknown) => this.#explain(work, error));
      await this.#record(work, end);
      if (end.status === 'FAILED') throw new PartitionFailedError(end.failure);
    } catch (error) {
      if (!(error instanceof SupersededError)) throw error;
      await this.#leave(ref, error);
    } finally {
      await opened?.session?.close();
    }
  }

  /** Leaves a superseded attempt. Whoever superseded it may be gone by now, so work that still waits is not given up. */
  async #leave(ref: PartitionRef, { message: reason }: SupersededError): Promise<void> {
    this.parts.log.warn('Superseded: this attempt leaves without a further write', { ...ref, reason });
    if (await this.parts.store.isAwaited(ref)) throw new RepeatError(reason);
  }

  /** Finds the step and has its sink raise the fence. A failure for good is kept, to be recorded after the claim. */
  async #open(ref: PartitionRef, execution: ControlledExecution, delivery: Delivery): Promise<Opened> {
    try {
      const definition = await jobCode(() => this.#definitionOf(ref, execution));
      return { definition, session: await jobCode(() => openSession(ref, execution, definition)), failure: undefined };
    } catch (error) {
      if (error instanceof GateClosedError) return { definition: undefined, session: undefined, failure: error };
      const last = delivery.tries >= this.parts.maxTries;
      return { definition: undefined, session: undefined, failure: lasting(error, delivery, last) };
    }
  }

  async #claim(
    ref: PartitionRef,
    execution: ControlledExecution,
    delivery: Delivery,
    opened: Opened,
  ): Promise<Work | undefined> {
    const { store, ambient } = this.parts;
    if (opened.failure instanceof GateClosedError) return this.#leaveClosed(ref);
    const claim = await store.claim(ref, opened.session?.fence, ambient.now());
    switch (claim.kind) {
      case 'gone':
        return undefined;
      case 'outrun':
        throw superseded();
      case 'finished':
        await this.#announce(ref, claim.announcement);
        return undefined;
      default:
        return { ref, execution, delivery, ...opened, claim, counts: opened.session?.counts ?? claim.counts };
    }
  }

  /**
   * A delivery of an execution that may not write any more: one that a force stop has left in the queue, as a rule.
   * But Redis may have lost the second in which the force stop was written; PostgreSQL's gate has not.
   */
  async #leaveClosed(ref: PartitionRef): Promise<undefined> {
    const { store, ambient, log } = this.parts;
    const stopped = await store.stopIfRunning(ref, ambient.now(), 'its gate in PostgreSQL, which is closed,');
    if (stopped && isRunning(stopped.from)) log.warn('Stopped: the gate in PostgreSQL is closed', { ...ref });
  }

  /** Runs the chunks. A failure for good becomes the partition's end; everything else is thrown. */
  async #perform(work: Work): Promise<PartitionEnd> {
    if (work.claim.kind === 'stopping') return { status: 'STOPPED', counts: work.counts };
    try {
      if (work.failure) throw work.failure;
      return await this.#runChunks(work, work.claim);
    } catch (error) {
      const last = work.claim.fruitlessAttempts >= this.parts.maxTries;
      return { status: 'FAILED', counts: work.counts, failure: lasting(error, work.delivery, last).message };
    }
  }

  async #runChunks(work: Work, claim: Extract<Claim, { kind: 'run' }>): Promise<PartitionEnd> {
    const { ref, session, delivery, definition } = work;
    if (!definition) throw new StepFailure('The step could not be opened.');
    this.#refuseFruitless(claim.fruitlessAttempts);
    const { step } = definition;
    const interval = await jobCode(() => intervalOf(definition));
    const context = this.#contextOf(work, definition, claim.partition.label);
    const attempt = { ref, fence: claim.fence, step, context, skipLimit: skipLimitOf(definition) };
    const position = session ? session.position : claim.position;
    const reader = await jobCode(() => step.read(claim.partition, position, context));
    const committer = session
      ? sinkCommitter(this.parts, attempt, session)
      : functionCommitter(this.parts, attempt, work.counts);
    return runChunks(
      {
        reader,
        interval,
        process: (item) => step.process(item, context),
        committer: { ...committer, write: async (chunk) => (work.counts = await committer.write(chunk)) },
        leaveIfTold: () => leaveIfTold(delivery),
      },
      work.counts,
    );
  }

  /**
   * Tells a fault from its cause: whoever takes over from an attempt that sleeps in its transaction ends its connection,
   * which reads like a network that failed.
   */
  async #explain({ ref, claim }: Work, error: unknown): Promise<never> {
    if (error instanceof TransientError && !(await this.parts.store.holds(ref, claim.fence))) throw superseded();
    throw error;
  }

  /** Marks the end, and announces what follows from it. */
  async #record({ ref, claim }: Work, end: PartitionEnd): Promise<void> {
    const announcement = await this.parts.store.finish(ref, claim.fence, end, this.parts.ambient.now());
    if (!announcement) throw superseded();
    reach('finished-not-announced');
    await this.#announce(ref, announcement);
  }

  async #announce(ref: PartitionRef, { successor, stepDone }: Announcement): Promise<void> {
    const { dispatcher } = this.parts;
    if (successor !== undefined) await dispatcher.partitions([{ ...ref, partition: successor }]);
    if (!stepDone) return;
    reach('step-done-not-continued');
    await dispatcher.control(ref, `step-${ref.step}`);
  }

  #definitionOf(ref: PartitionRef, { jobName, parameters }: ControlledExecution): Definition {
    const job = this.parts.jobs.find(jobName);
    const step = job?.steps[ref.step];
    if (!job || step?.kind !== 'chunk') {
      throw new TransientError(
        new Error(`Job ${jobName} has no chunk step ${ref.step} in this worker. Deploy the same version everywhere.`),
      );
    }
    return { step, parameters: job.parse(parameters) };
  }

  #contextOf({ ref, execution, delivery }: Work, definition: Definition, label: string): PartitionContext<unknown> {
    return {
      moduleId: this.parts.moduleId as PartitionContext<unknown>['moduleId'],
      jobName: execution.jobName,
      executionId: execution.id,
      executionUuid: execution.uuid,
      instanceUuid: execution.instanceUuid,
      stepName: definition.step.name,
      parameters: definition.parameters,
      partition: ref.partition,
      label,
      signal: delivery.abort,
      log: this.parts.log,
    };
  }

  #refuseFruitless(attempts: number): void {
    if (attempts <= this.parts.maxFruitlessAttempts) return;
    throw new StepFailure(
      `${attempts - 1} attempts in a row ended without committing a chunk: this partition may be killing its workers.`,
    );
  }
}

type Opened = Pick<Work, 'definition' | 'session' | 'failure'>;

async function openSession(
  { partition }: PartitionRef,
  { instanceUuid, uuid }: ControlledExecution,
  definition: Definition,
): Promise<SinkSession<unknown> | undefined> {
  const { sink, name } = definition.step;
  const attempt = { instanceUuid, executionUuid: uuid, stepName: name, partition, skipLimit: skipLimitOf(definition) };
  return sink?.open(attempt);
}

const superseded = () => new SupersededError('A newer attempt has this partition, or its execution has ended.');

const skipLimitOf = ({ step, parameters }: Definition): number => step.skipLimit?.(parameters) ?? 0;

function intervalOf({ step, parameters }: Definition): number {
  const interval = step.commitInterval(parameters);
  if (Number.isInteger(interval) && interval >= 1) return interval;
  throw new StepFailure(`The commitInterval of ${step.name} must be a whole number of at least 1, not ${interval}.`);
}

/** A leaving worker hands its work back even where it is superseded: that does no harm, and nothing is given up. */
function leaveIfTold({ abort, drain }: Delivery): void {
  if (drain.aborted) throw new HandBackError('The worker is leaving.');
  if (abort.aborted) throw new SupersededError('The lock on this work is lost, or its execution was force-stopped.');
}

/**
 * The failure to record; throws what a repeat may cure, and what is no failure at all.
 *
 * @param last whether transient faults have used up the tries
 */
function lasting(error: unknown, delivery: Delivery, last: boolean): Error {
  leaveIfTold(delivery);
  if (error instanceof StepFailure || error instanceof SkipLimitExceededError) return error;
  if (error instanceof TransientError && last) return error;
  throw error;
}
