import { isRunning, type Counts } from '#domain';
import {
  GateClosedError,
  GateMissingError,
  reach,
  SkipLimitExceededError,
  SupersededError,
  TransientError,
  UnavailableError,
  type ChunkStep,
  type JobRegistry,
  type Log,
  type PartitionContext,
  type SinkSession,
} from '#job-kit';
import { wholeNumberOf } from './border.js';
import { runChunks, type LoopEnd } from './chunk-loop.js';
import { functionCommitter, sinkCommitter } from './committer.js';
import { leaveReason, type Delivery } from './delivery.js';
import { messageOf, stackOf } from './describe-error.js';
import { ExecutionCache } from './execution-cache.js';
import { AbandonedError, jobCode, StepFailure } from './job-code.js';
import { DONE, type Outcome } from './outcome.js';
import { serve } from './serving.js';
import type {
  Announcement,
  Claim,
  ControlledExecution,
  HandBackStore,
  PartitionEnd,
  PartitionRef,
  PartitionStore,
} from './store.port.js';
import type { Ambient, Dispatcher } from './work.port.js';

export interface PartitionRunnerParts {
  moduleId: string;
  jobs: JobRegistry;
  store: PartitionStore & HandBackStore;
  dispatcher: Dispatcher;
  ambient: Ambient;
  log: Log;
  /** Tries at work that meets transient faults, counted since the last commit. */
  maxTries: number;
  /** Attempts in a row that may die without committing a chunk before the partition fails. */
  maxAttempts: number;
}

/** A step with the parameters of the execution it runs for. */
interface Definition {
  step: ChunkStep<unknown>;
  parameters: unknown;
}

/** One delivery of one partition. */
interface Visit {
  ref: PartitionRef;
  execution: ControlledExecution;
  delivery: Delivery;
}

/** What opening a partition came to: the step and its sink's session, or why there is none. */
type Opened =
  | { kind: 'ready'; definition: Definition; session: SinkSession<unknown> | undefined }
  /** For good: to be recorded once the partition is claimed. */
  | { kind: 'failed'; failure: Error }
  /** The execution may not write any more. */
  | { kind: 'closed' }
  /** This worker does not have the job. */
  | { kind: 'not-here'; reason: string };

/** What an attempt holds, from the claim on. */
interface Work extends Visit {
  opened: Exclude<Opened, { kind: 'closed' }>;
  claim: Extract<Claim, { kind: 'run' | 'stopping' }>;
  /** What is committed so far by this execution. */
  counts: Counts;
}

type Performed = { kind: 'ended'; end: PartitionEnd } | { kind: 'left'; outcome: Outcome };

const left = (outcome: Outcome): Performed => ({ kind: 'left', outcome });

/** Runs partitions: open → claim → perform → record → announce. */
export class PartitionRunner {
  readonly #executions: ExecutionCache;

  constructor(private readonly parts: PartitionRunnerParts) {
    this.#executions = new ExecutionCache((ref) => parts.store.load(ref));
  }

  /** Runs one partition, or what is left of it. Repeated and stale deliveries are harmless. */
  async run(ref: PartitionRef, delivery: Delivery): Promise<Outcome> {
    let opened: Opened | undefined;
    try {
      const execution = await this.#executions.get(ref);
      if (!execution) return DONE;
      const visit = { ref, execution, delivery };
      opened = await this.#open(visit);
      const work = await this.#claim(visit, opened);
      if ('outcome' in work) return work.outcome;
      const performed = await this.#perform(work);
      return performed.kind === 'left' ? performed.outcome : await this.#record(work, performed.end);
    } catch (error) {
      return this.#interrupted(ref, delivery, error);
    } finally {
      if (opened?.kind === 'ready') await opened.session?.close();
    }
  }

  /** Finds the step and has its sink raise the fence. A failure for good is kept, to be recorded after the claim. */
  async #open({ ref, execution, delivery }: Visit): Promise<Opened> {
    const served = serve(this.parts.jobs, execution);
    if (served.kind === 'not-here') return served;
    const step = served.job.steps.find(({ name }) => name === ref.step);
    if (step?.kind !== 'chunk') return { kind: 'failed', failure: new StepFailure(`${ref.step} is not a chunk step.`) };
    const definition = { step, parameters: served.parameters };
    try {
      const session = await jobCode(() => openSession(ref, execution, definition));
      return { kind: 'ready', definition, session };
    } catch (error) {
      if (error instanceof GateClosedError) return { kind: 'closed' };
      const last = delivery.tries >= this.parts.maxTries;
      const failure = failureOf(error, last);
      if (failure) return { kind: 'failed', failure };
      throw error;
    }
  }

  async #claim(visit: Visit, opened: Opened): Promise<Work | { outcome: Outcome }> {
    const { ref } = visit;
    if (opened.kind === 'closed') return { outcome: await this.#leaveClosed(ref) };
    if (opened.kind === 'not-here' && (await this.parts.store.needsJob(ref))) {
      await this.parts.store.noteHandedBack(ref, opened.reason);
      return { outcome: { kind: 'not-here', reason: opened.reason } };
    }
    const session = opened.kind === 'ready' ? opened.session : undefined;
    const claim = await this.parts.store.claim(ref, session?.fence);
    switch (claim.kind) {
      case 'gone':
        return { outcome: DONE };
      case 'superseded':
        return { outcome: await this.#leaveSuperseded(ref, 'A newer attempt has this partition.') };
      case 'finished':
        await this.#announce(visit, claim.announcement, 'again');
        return { outcome: DONE };
      default:
        return { ...visit, opened, claim, counts: session?.counts ?? claim.counts };
    }
  }

  /** Runs the chunks. A failure for good becomes the partition's end. */
  async #perform(work: Work): Promise<Performed> {
    const { claim, opened, delivery } = work;
    if (claim.kind === 'stopping') return ended({ status: 'STOPPED', counts: work.counts });
    try {
      if (opened.kind === 'not-here') return left({ kind: 'not-here', reason: opened.reason });
      if (opened.kind === 'failed') throw opened.failure;
      return await this.#afterChunks(work, await this.#runChunks(work, claim, opened));
    } catch (error) {
      const reason = leaveReason(delivery);
      if (reason || error instanceof AbandonedError) return left(await this.#leave(work, reason ?? 'abort'));
      // The successor of an attempt that sleeps in its transaction terminates its connection, which looks like a fault.
      if (error instanceof TransientError && !(await this.parts.store.holds(work.ref, claim.fence))) {
        return left(await this.#leaveSuperseded(work.ref, messageOf(error)));
      }
      if (error instanceof UnavailableError) return left(await this.#unavailable(work, error));
      const failure = failureOf(error, claim.attempts >= this.parts.maxTries);
      if (failure) return this.#failed(work, failure);
      throw error;
    }
  }

  async #runChunks(
    work: Work,
    claim: Extract<Claim, { kind: 'run' }>,
    { definition, session }: Extract<Opened, { kind: 'ready' }>,
  ): Promise<LoopEnd> {
    const { ref, delivery } = work;
    const { step } = definition;
    this.#refuseDeadly(claim.attempts);
    const interval = wholeNumberOf(
      `The commitInterval of ${step.name}`,
      await jobCode(() => step.commitInterval(definition.parameters)),
      1,
    );
    const signal = delivery.abort;
    const context = { ...this.#contextOf(work, definition, claim.partition.label), signal };
    const attempt = { ref, fence: claim.fence, step, context, skipLimit: skipLimitOf(definition) };
    const position = session ? session.position : claim.position;
    const reader = await jobCode(() => step.read(claim.partition, position, context), signal);
    const committer = session
      ? sinkCommitter(this.parts.store, attempt, session)
      : functionCommitter(this.parts.store, attempt, work.counts);
    return runChunks({
      step: step.name,
      reader,
      interval,
      process: (item) => step.process(item, context),
      committer: { ...committer, write: async (chunk) => (work.counts = await committer.write(chunk)) },
      leaveReason: () => leaveReason(delivery),
      signal,
    });
  }

  async #afterChunks(work: Work, end: LoopEnd): Promise<Performed> {
    switch (end) {
      case 'completed':
        return ended({ status: 'COMPLETED', counts: work.counts });
      case 'stopped':
        return ended({ status: 'STOPPED', counts: work.counts });
      case 'superseded':
        return left(await this.#leaveSuperseded(work.ref, 'A newer attempt has this partition.'));
      default:
        return left(await this.#leave(work, end));
    }
  }

  #failed({ ref, counts }: Work, failure: Error): Performed {
    this.parts.log.error('A partition has failed', {
      ...ref,
      reason: failure.message,
      stack: stackOf(failure.cause ?? failure),
    });
    return ended({ status: 'FAILED', counts, failure: messageOf(failure) });
  }

  /** Marks the end, and announces what follows from it. */
  async #record(work: Work, end: PartitionEnd): Promise<Outcome> {
    const announcement = await this.parts.store.finish(work.ref, work.claim.fence, end);
    if (!announcement) return this.#leaveSuperseded(work.ref, 'A newer attempt has this partition.');
    reach('finished-not-announced');
    await this.#announce(work, announcement, this.parts.ambient.uuid());
    return end.status === 'FAILED' ? { kind: 'failed', message: end.failure ?? '' } : DONE;
  }

  /**
   * @param cause unique to this end of the partition: a queue takes no second job of the same id, and a controller that is
   *   busy with an earlier end must hear of this one too
   */
  async #announce({ ref, execution }: Visit, { successor, stepDone }: Announcement, cause: string): Promise<void> {
    const { dispatcher } = this.parts;
    const queued = { ...execution, jobVersion: execution.definition.version };
    if (successor !== undefined) await dispatcher.partitions(queued, ref.step, [successor]);
    if (!stepDone) return;
    reach('step-done-not-continued');
    await dispatcher.control(ref, `step-${ref.step}-${ref.partition}-${cause}`);
  }

  // Leaving

  /** What came of an attempt that ended by an error before or after its chunks. */
  async #interrupted(ref: PartitionRef, delivery: Delivery, error: unknown): Promise<Outcome> {
    const reason = leaveReason(delivery);
    if (reason === 'drain') return { kind: 'hand-back' };
    if (error instanceof SupersededError) return this.#leaveSuperseded(ref, error.message);
    if (error instanceof UnavailableError) return { kind: 'unavailable', error };
    return { kind: 'repeat', error: error instanceof Error ? error : new Error(messageOf(error)) };
  }

  async #leave(work: Work, reason: 'drain' | 'abort'): Promise<Outcome> {
    const { ref } = work;
    if (reason === 'drain') {
      await this.#leaveInOrder(work);
      return { kind: 'hand-back' };
    }
    return this.#leaveSuperseded(ref, 'The lock on this work is lost, or its execution was force-stopped.');
  }

  /** The attempt that superseded this one may have died since, so work that is still awaited is not given up. */
  async #leaveSuperseded(ref: PartitionRef, reason: string): Promise<Outcome> {
    this.parts.log.warn('Superseded: this attempt leaves without a further write', { ...ref, reason });
    return (await this.parts.store.isAwaited(ref)) ? { kind: 'repeat', error: new SupersededError(reason) } : DONE;
  }

  /**
   * A delivery of an execution that may not write any more: one that a force stop has left in the queue, as a rule.
   * But Redis may have lost the second in which the force stop was written; PostgreSQL's gate has not.
   */
  async #leaveClosed(ref: PartitionRef): Promise<Outcome> {
    const { store, log } = this.parts;
    const stopped = await store.stopIfRunning(ref, 'its gate in PostgreSQL, which is closed,');
    if (stopped && isRunning(stopped.from)) log.warn('Stopped: the gate in PostgreSQL is closed', { ...ref });
    return DONE;
  }

  /** Nobody's tries are spent on a service that is unavailable. */
  async #unavailable(work: Work, error: UnavailableError): Promise<Outcome> {
    await this.#leaveInOrder(work);
    return { kind: 'unavailable', error };
  }

  /** The attempt counts as one that came to something, and not with those that died. */
  async #leaveInOrder({ ref, claim, counts }: Work): Promise<void> {
    await this.parts.store.progress(ref, claim.fence, counts);
  }

  #contextOf(
    { ref, execution }: Work,
    definition: Definition,
    label: string,
  ): Omit<PartitionContext<unknown>, 'signal'> {
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
      log: this.parts.log,
    };
  }

  #refuseDeadly(attempts: number): void {
    if (attempts <= this.parts.maxAttempts) return;
    throw new StepFailure(
      `${attempts - 1} attempts in a row ended without committing a chunk: this partition may be killing its workers.`,
    );
  }
}

const ended = (end: PartitionEnd): Performed => ({ kind: 'ended', end });

async function openSession(
  { partition }: PartitionRef,
  { instanceUuid, uuid }: ControlledExecution,
  definition: Definition,
): Promise<SinkSession<unknown> | undefined> {
  const { sink, name } = definition.step;
  const attempt = { instanceUuid, executionUuid: uuid, stepName: name, partition, skipLimit: skipLimitOf(definition) };
  return sink?.open(attempt);
}

const skipLimitOf = ({ step, parameters }: Definition): number =>
  wholeNumberOf(`The skipLimit of ${step.name}`, step.skipLimit?.(parameters) ?? 0, 0);

/**
 * The failure to record, if an error is one; what a repeat may cure is none.
 *
 * @param last whether transient faults have used up the tries
 */
function failureOf(error: unknown, last: boolean): Error | undefined {
  if (error instanceof StepFailure || error instanceof SkipLimitExceededError) return error;
  if (error instanceof GateMissingError) {
    return new StepFailure(
      'The database does not know this execution: it may have been put back to an older state. Restart the execution, and what is missing is imported again.',
    );
  }
  if (error instanceof UnavailableError) return undefined;
  return error instanceof TransientError && last ? error : undefined;
}
