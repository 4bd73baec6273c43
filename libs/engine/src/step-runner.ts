import type { ExitCode } from '#domain';
import {
  reach,
  SupersededError,
  TransientError,
  UnavailableError,
  type Job,
  type JobRegistry,
  type Log,
  type Partition,
  type Step,
  type StepContext,
  type Tasklet,
} from '#job-kit';
import { assertResult, exitCodeFrom } from './border.js';
import { leaveReason, type Delivery } from './delivery.js';
import { messageOf, stackOf } from './describe-error.js';
import { AbandonedError, jobCode, StepFailure } from './job-code.js';
import { DONE, type Outcome } from './outcome.js';
import { PlanRules } from './plan-rules.js';
import { serve, type Served } from './serving.js';
import { watchStep, type StepWatch } from './step-watch.js';
import type {
  ControlledExecution,
  HandBackStore,
  StepClaim,
  StepRef,
  StepWorkEnd,
  StepWorkStore,
} from './store.port.js';
import type { Dispatcher } from './work.port.js';

export interface StepRunnerParts {
  moduleId: string;
  jobs: JobRegistry;
  store: StepWorkStore & HandBackStore;
  dispatcher: Dispatcher;
  log: Log;
  /** Most partitions of one execution in the queue at a time. */
  window: number;
  /** Tries at work that meets transient faults. */
  maxTries: number;
  /** Attempts in a row that may die before the step fails. */
  maxAttempts: number;
  /** How often a running step asks whether to go on, in ms. */
  watchMs: number;
}

/** What an attempt at a step's own work holds, from the claim on. */
interface Work {
  ref: StepRef;
  execution: ControlledExecution;
  served: Extract<Served, { kind: 'served' }>;
  step: Step<unknown>;
  claim: Extract<StepClaim, { kind: 'run' }>;
  delivery: Delivery;
}

/** What recording an end takes. */
type Recorded = Pick<Work, 'ref' | 'execution'> & { claim: { fence: number } };

/** How the work ended, with the plan's size where one was made. */
interface WorkEnd {
  end: StepWorkEnd;
  partitions?: number;
}

const STOPPED: WorkEnd = { end: { status: 'STOPPED', exitCode: 'STOPPED' } };

/** How many partitions of a plan are stored at a time. */
const PLAN_BATCH = 500;

/**
 * Does a step's own work: runs its tasklet, or plans its partitions. That is the job's code, which may take as long as it
 * likes, so no controller waits for it: claim → perform → record → announce.
 */
export class StepRunner {
  constructor(private readonly parts: StepRunnerParts) {}

  /** Repeated and stale deliveries are harmless. */
  async run(ref: StepRef, delivery: Delivery): Promise<Outcome> {
    try {
      const execution = await this.parts.store.load(ref);
      if (!execution) return DONE;
      const served = serve(this.parts.jobs, execution);
      if (served.kind === 'not-here' && (await this.parts.store.needsJob(ref))) {
        await this.parts.store.noteHandedBack(ref, served.reason);
        return served;
      }
      const claim = await this.parts.store.claimStep(ref);
      switch (claim.kind) {
        case 'gone':
          return DONE;
        case 'finished':
          return await this.#announce(ref);
        case 'stopping':
          return await this.#record({ ref, execution, claim }, STOPPED);
        default:
          if (served.kind === 'not-here') return served;
          return await this.#attempt({ ref, execution, served, step: stepOf(served.job, ref.step), claim, delivery });
      }
    } catch (error) {
      return interrupted(delivery, error);
    }
  }

  async #attempt(work: Work): Promise<Outcome> {
    const watch = watchStep(this.parts, work);
    try {
      this.#refuseDeadly(work.claim.attempts);
      const end = await this.#perform(work, watch);
      return end === 'superseded' ? this.#leave(work) : await this.#record(work, end);
    } catch (error) {
      return await this.#afterError(work, watch, error);
    } finally {
      watch.end();
    }
  }

  #perform(work: Work, watch: StepWatch): Promise<WorkEnd | 'superseded'> {
    return work.step.kind === 'tasklet' ? this.#runTasklet(work, work.step, watch) : this.#plan(work, watch);
  }

  async #runTasklet(
    work: Work,
    tasklet: Tasklet<unknown>,
    { signal, leave }: StepWatch,
  ): Promise<WorkEnd | 'superseded'> {
    const { ref, claim } = work;
    const writes: Promise<boolean>[] = [];
    const setResult = (name: string, value: Parameters<StepWorkStore['setResult']>[3]): void => {
      assertResult(ref.step, name, value);
      const write = this.parts.store.setResult(ref, claim.fence, name, value);
      write.catch(() => undefined); // Waited for below, once the tasklet has returned.
      writes.push(write);
    };
    const returned = await jobCode(() => tasklet.run({ ...this.#contextOf(work, signal), setResult }), leave);
    const exitCode: ExitCode = exitCodeFrom(ref.step, returned);
    if ((await Promise.all(writes)).includes(false)) return 'superseded';
    reach('closing');
    return { end: { status: 'COMPLETED', exitCode } };
  }

  /** Stores the plan batch by batch, so that its size does not matter; a stop is seen after each. */
  async #plan(work: Work, { signal, leave }: StepWatch): Promise<WorkEnd | 'superseded'> {
    const { ref, claim, step } = work;
    const { store } = this.parts;
    if (step.kind !== 'chunk') throw new StepFailure(`${ref.step} is not a chunk step.`);
    const rules = new PlanRules(ref.step);
    const plan = jobIterable(() => step.plan(this.#contextOf(work, signal)), leave);
    let answer = await store.beginPlan(ref, claim.fence);
    let stored = 0;
    for await (const batch of batches(plan, PLAN_BATCH)) {
      if (answer !== 'go-on') break;
      batch.forEach((partition) => rules.check(partition));
      answer = await store.appendPlan(ref, claim.fence, stored, batch);
      stored += batch.length;
      reach('plan-half-stored');
      if (leaveReason(work.delivery)) throw new AbandonedError('The plan is left where it is.');
    }
    if (answer === 'superseded') return answer;
    return answer === 'stop' ? STOPPED : { end: { status: 'PLANNED' }, partitions: stored };
  }

  /** Marks the end; of a plan, the first partitions are handed out with it. */
  async #record({ ref, execution, claim }: Recorded, { end, partitions }: WorkEnd): Promise<Outcome> {
    const { store, dispatcher, window } = this.parts;
    const plan = partitions === undefined ? undefined : { partitions, window };
    const handedOut = await store.finishStep(ref, claim.fence, end, plan);
    if (!handedOut) return this.#leave({ ref });
    if (end.status !== 'PLANNED') {
      reach('step-done-not-continued');
      await this.#announce(ref);
      return end.status === 'FAILED' ? { kind: 'failed', message: end.failure?.message ?? '' } : DONE;
    }
    reach('planned-not-dispatched');
    if (handedOut.length === 0) return this.#announce(ref);
    await dispatcher.partitions({ ...execution, jobVersion: execution.definition.version }, ref.step, handedOut);
    return DONE;
  }

  async #announce(ref: StepRef): Promise<Outcome> {
    await this.parts.dispatcher.control(ref, `step-${ref.step}`);
    return DONE;
  }

  async #afterError(work: Work, watch: StepWatch, error: unknown): Promise<Outcome> {
    const { ref, delivery, claim } = work;
    const reason = leaveReason(delivery);
    if (reason === 'drain' || error instanceof UnavailableError) {
      await this.parts.store.leaveStep(ref, claim.fence);
      throw error;
    }
    if (reason === 'abort') return this.#leave({ ref });
    // What it was told to leave it need not have done well.
    if (watch.stopped()) return this.#record(work, STOPPED);
    if (watch.leave.aborted || error instanceof AbandonedError) return this.#leave({ ref });
    const failure = failureOf(error, claim.attempts >= this.parts.maxTries);
    if (!failure) throw error;
    return this.#fail(work, failure);
  }

  #fail(work: Work, failure: Error): Promise<Outcome> {
    const { ref } = work;
    const message = messageOf(failure);
    this.parts.log.error('A step has failed', { ...ref, reason: message, stack: stackOf(failure.cause ?? failure) });
    return this.#record(work, {
      end: { status: 'FAILED', exitCode: 'FAILED', failure: { stepName: ref.step, message } },
    });
  }

  /** A newer attempt has the work, or its execution has ended; if it is awaited after all, the sweeper has it queued again. */
  #leave({ ref }: Pick<Work, 'ref'>): Outcome {
    this.parts.log.warn('Superseded: this attempt at a step leaves', { ...ref });
    return { kind: 'repeat', error: new SupersededError('The lock on this work is lost, or a newer attempt has it.') };
  }

  #refuseDeadly(attempts: number): void {
    if (attempts <= this.parts.maxAttempts) return;
    throw new StepFailure(
      `${attempts - 1} attempts in a row ended before they had done: planning, or the tasklet, may be killing its workers.`,
    );
  }

  #contextOf({ ref, execution, served }: Work, signal: AbortSignal): StepContext<unknown> {
    return {
      moduleId: this.parts.moduleId as StepContext<unknown>['moduleId'],
      jobName: execution.jobName,
      executionId: execution.id,
      executionUuid: execution.uuid,
      instanceUuid: execution.instanceUuid,
      stepName: ref.step,
      parameters: served.parameters,
      signal,
      log: this.parts.log,
    };
  }
}

function stepOf(job: Job, name: string): Step<unknown> {
  const step = job.steps.find((candidate) => candidate.name === name);
  if (!step) throw new Error(`Job ${job.name} has no step ${name} although its definition says so.`);
  return step as Step<unknown>;
}

function interrupted(delivery: Delivery, error: unknown): Outcome {
  if (leaveReason(delivery) === 'drain') return { kind: 'hand-back' };
  if (error instanceof UnavailableError) return { kind: 'unavailable', error };
  return { kind: 'repeat', error: error instanceof Error ? error : new Error(messageOf(error)) };
}

function failureOf(error: unknown, last: boolean): Error | undefined {
  if (error instanceof StepFailure) return error;
  if (error instanceof UnavailableError) return undefined;
  return error instanceof TransientError && last ? error : undefined;
}

/** A job's own iterable, with its errors told apart from ours. */
async function* jobIterable(
  open: () => AsyncIterable<Partition> | Iterable<Partition>,
  signal: AbortSignal,
): AsyncIterable<Partition> {
  const iterable = await jobCode(open);
  const iterator = Symbol.asyncIterator in iterable ? iterable[Symbol.asyncIterator]() : iterable[Symbol.iterator]();
  const next = () => jobCode(() => iterator.next(), signal);
  let ended = false;
  try {
    for (let item = await next(); !item.done; item = await next()) yield item.value;
    ended = true;
  } finally {
    // One that hangs would hang here too, so nobody waits for it.
    if (!ended) void Promise.resolve(iterator.return?.()).catch(() => undefined);
  }
}

async function* batches<T>(items: AsyncIterable<T>, size: number): AsyncIterable<T[]> {
  let batch: T[] = [];
  for await (const item of items) {
    batch.push(item);
    if (batch.length < size) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}
