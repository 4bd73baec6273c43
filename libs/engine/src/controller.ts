import { assertNever, decideNextAction, type Action, type ControlFacts } from '#domain';
import {
  reach,
  TransientError,
  type ChunkStep,
  type Job,
  type JobRegistry,
  type Log,
  type Partition,
  type StepContext,
  type Tasklet,
} from '#job-kit';
import { HandBackError, StepFailure, type Delivery } from './delivery.js';
import { jobCode, messageOf } from './job-code.js';
import { holdLease } from './lease.js';
import { assertPlannable } from './plan-rules.js';
import type { Settlement } from './settlement.js';
import {
  LeaseLostError,
  type ControlledExecution,
  type ControlStore,
  type ExecutionRef,
  type Lease,
} from './store.port.js';
import type { Ambient, Dispatcher, Gates } from './work.port.js';

export interface ControllerParts {
  moduleId: string;
  jobs: JobRegistry;
  store: ControlStore;
  dispatcher: Dispatcher;
  gates: Gates;
  settlement: Settlement;
  ambient: Ambient;
  log: Log;
  /** Most partitions of one execution in the queue at a time. */
  window: number;
  /** How long a silent controller keeps its lease, in ms. */
  leaseMs: number;
  /** Tries at work that meets transient faults. */
  maxTries: number;
  /** Controllers in a row that may die before the execution fails. */
  maxFruitlessAttempts: number;
}

/** What a controller works with while it holds the lease. */
interface Control {
  lease: Lease;
  execution: ControlledExecution;
  job: Job;
  parameters: unknown;
  delivery: Delivery;
  /** Aborts with the lease, or when the delivery must be left. */
  signal: AbortSignal;
  /** Steps whose partitions in flight this controller has put into the queue. */
  dispatched: Set<number>;
}

/** How many partitions of a plan are stored at a time. */
const PLAN_BATCH = 500;

/**
 * Moves an execution on: looks at its state, does the next action, looks again. It holds a lease meanwhile, so an
 * execution never has two. Every action bears being repeated, since its worker may die at any moment.
 */
export class Controller {
  constructor(private readonly parts: ControllerParts) {}

  /** @throws HandBackError if the worker leaves; whatever a repeat may cure */
  async control(ref: ExecutionRef, delivery: Delivery): Promise<void> {
    const { store, ambient, leaseMs } = this.parts;
    const lease = { ...ref, token: `${delivery.id}#${ambient.uuid()}` };
    const acquired = await store.acquire(ref, lease.token, leaseMs);
    if (acquired.kind !== 'acquired') return;
    const held = holdLease(() => store.renew(lease, leaseMs), leaseMs);
    try {
      const signal = AbortSignal.any([held.lost, delivery.abort, delivery.drain]);
      await this.#whileHeld(lease, delivery, signal, acquired.fruitlessControls);
    } catch (error) {
      if (!(error instanceof LeaseLostError)) throw error;
      this.parts.log.warn('Superseded: this controller leaves', { ...ref, reason: error.message });
    } finally {
      held.stop();
    }
  }

  async #whileHeld(lease: Lease, delivery: Delivery, signal: AbortSignal, fruitlessControls: number): Promise<void> {
    const execution = await this.parts.store.load(lease);
    if (!execution) return;
    try {
      this.#refuseFruitless(fruitlessControls);
      const job = this.#jobOf(execution);
      const parameters = await jobCode(() => job.parse(execution.parameters));
      const control = { lease, execution, job, parameters, delivery, signal, dispatched: new Set<number>() };
      do await this.#drive(control);
      while ((await this.parts.store.release(lease)) === 'again');
    } catch (error) {
      if (!this.#isLasting(error, delivery)) throw error;
      await this.#fail(lease, execution, messageOf(error));
    }
  }

  /** Acts until there is nothing to do but wait. */
  async #drive(control: Control): Promise<void> {
    for (;;) {
      const action = decideNextAction(await this.#facts(control));
      if (action.kind === 'wait' || action.kind === 'none') return;
      await this.#act(control, action);
      if (action.kind === 'end-execution') return;
    }
  }

  async #facts({ lease, job, dispatched }: Control): Promise<ControlFacts> {
    const shapes = job.steps.map((step) => ({
      partitioned: step.kind === 'chunk',
      rerun: step.allowStartIfComplete === true,
    }));
    const facts = await this.parts.store.facts(lease, shapes);
    return { ...facts, steps: facts.steps.map((step, i) => ({ ...step, dispatched: dispatched.has(i) })) };
  }

  async #act(control: Control, action: Exclude<Action, { kind: 'wait' | 'none' }>): Promise<void> {
    const { store, ambient } = this.parts;
    const { lease, job } = control;
    switch (action.kind) {
      case 'begin-execution':
        return this.#begin(control);
      case 'begin-step':
        return store.beginStep(lease, action.step, job.steps[action.step]!.name, ambient.now());
      case 'run-tasklet':
        return this.#runTasklet(control, action.step);
      case 'plan':
        return this.#plan(control, action.step);
      case 'dispatch':
        return this.#dispatch(control, action.step);
      case 'end-step':
        return store.endStep(lease, action.step, action, ambient.now());
      case 'end-execution':
        return this.#end(control, action.status);
      default:
        return assertNever(action);
    }
  }

  /** Opening the gate closes those of the instance's other executions: none of them writes any more. */
  async #begin({ lease, job, execution }: Control): Promise<void> {
    const { store, gates, settlement, ambient } = this.parts;
    if (isTransactional(job)) {
      await jobCode(() => settlement.settlePredecessors(execution));
      await jobCode(() => gates.open(execution));
    }
    await store.beginExecution(lease, ambient.now());
  }

  async #runTasklet(control: Control, index: number): Promise<void> {
    const { store, ambient } = this.parts;
    const { lease, job, delivery, signal } = control;
    const tasklet = job.steps[index] as Tasklet<unknown>;
    const writes: Promise<void>[] = [];
    const setResult: Parameters<Tasklet<unknown>['run']>[0]['setResult'] = (name, value) => {
      const write = store.setResult(lease, name, value);
      write.catch(() => undefined); // Waited for below, once the tasklet has returned.
      writes.push(write);
    };
    try {
      const exitCode = await jobCode(() => tasklet.run({ ...this.#contextOf(control, tasklet.name), setResult }));
      await Promise.all(writes);
      reach('closing');
      await store.endStep(lease, index, { status: 'COMPLETED', exitCode: exitCode ?? 'COMPLETED' }, ambient.now());
    } catch (error) {
      await Promise.allSettled(writes);
      leaveIfAborted(delivery, signal);
      await this.#failStep(control, index, error);
    }
  }

  /** Stores the plan batch by batch, so that its size does not matter; a stop is seen after each. */
  async #plan(control: Control, index: number): Promise<void> {
    const { store, ambient } = this.parts;
    const { lease, job, delivery, signal } = control;
    const step = job.steps[index] as ChunkStep<unknown>;
    try {
      await store.beginPlan(lease, index);
      let stored = 0;
      for await (const batch of batches(
        jobIterable(() => step.plan(this.#contextOf(control, step.name))),
        PLAN_BATCH,
      )) {
        assertPlannable(batch, stored);
        const status = await store.appendPlan(lease, index, stored, batch, ambient.now());
        stored += batch.length;
        reach('plan-half-stored');
        leaveIfAborted(delivery, signal);
        if (status !== 'STARTED') return;
      }
      await store.sealPlan(lease, index, stored, ambient.now());
      reach('planned-not-dispatched');
    } catch (error) {
      leaveIfAborted(delivery, signal);
      await this.#failStep(control, index, error);
    }
  }

  async #dispatch({ lease, execution, dispatched }: Control, step: number): Promise<void> {
    const { store, dispatcher, window } = this.parts;
    const inFlight = await store.dispatch(lease, step, window);
    const { id, uuid } = execution;
    await dispatcher.partitions(inFlight.map((partition) => ({ id, uuid, step, partition })));
    dispatched.add(step);
  }

  /**
   * No worker is left in the execution, so its gate can close: settling does so. That of a COMPLETED one stays open:
   * nothing is left to write, and a Redis that loses the second of its end comes to the same end again, where a closed
   * gate would read like a force stop.
   */
  async #end({ lease, execution }: Control, status: 'COMPLETED' | 'STOPPED' | 'FAILED'): Promise<void> {
    const { store, settlement, ambient } = this.parts;
    await store.endExecution(lease, { status, exitCode: status }, ambient.now());
    if (status !== 'COMPLETED') await settlement.settle(execution);
  }

  async #failStep({ lease, job, delivery }: Control, index: number, error: unknown): Promise<void> {
    if (!this.#isLasting(error, delivery)) throw error;
    const failure = { stepName: job.steps[index]!.name, message: messageOf(error) };
    await this.parts.store.endStep(
      lease,
      index,
      { status: 'FAILED', exitCode: 'FAILED', failure },
      this.parts.ambient.now(),
    );
  }

  /** The execution cannot even be driven. */
  async #fail(lease: Lease, { jobName }: ControlledExecution, message: string): Promise<void> {
    const failure = { stepName: jobName, message };
    const { store, ambient } = this.parts;
    await store.endExecution(lease, { status: 'FAILED', exitCode: 'FAILED', failure }, ambient.now());
  }

  #jobOf({ jobName }: ControlledExecution): Job {
    const job = this.parts.jobs.find(jobName);
    if (job) return job;
    // Another worker may know it: a fleet is updated one by one.
    throw new TransientError(
      new Error(`Job ${jobName} is unknown to this worker. Deploy the same version everywhere.`),
    );
  }

  #refuseFruitless(controls: number): void {
    if (controls <= this.parts.maxFruitlessAttempts) return;
    throw new StepFailure(
      `${controls - 1} controllers in a row ended before they had done: planning, or a tasklet, may be killing its workers.`,
    );
  }

  /** Whether an error is to be recorded: the job's own failure, or a transient fault at the last try. */
  #isLasting(error: unknown, { tries }: Delivery): boolean {
    return error instanceof StepFailure || (error instanceof TransientError && tries >= this.parts.maxTries);
  }

  #contextOf({ execution, parameters, signal }: Control, stepName: string): StepContext<unknown> {
    return {
      moduleId: this.parts.moduleId as StepContext<unknown>['moduleId'],
      jobName: execution.jobName,
      executionId: execution.id,
      executionUuid: execution.uuid,
      instanceUuid: execution.instanceUuid,
      stepName,
      parameters,
      signal,
      log: this.parts.log,
    };
  }
}

const isTransactional = (job: Job): boolean => job.steps.some((step) => step.kind === 'chunk' && step.sink);

function leaveIfAborted({ drain }: Delivery, signal: AbortSignal): void {
  if (drain.aborted) throw new HandBackError('The worker is leaving.');
  if (signal.aborted)
    throw new LeaseLostError('The lease or the lock on this work is lost, or its execution was force-stopped.');
}

/** A job's own iterable, with its errors told apart from ours. */
async function* jobIterable(open: () => AsyncIterable<Partition> | Iterable<Partition>): AsyncIterable<Partition> {
  const iterable = await jobCode(open);
  const iterator = Symbol.asyncIterator in iterable ? iterable[Symbol.asyncIterator]() : iterable[Symbol.iterator]();
  try {
    for (let next = await jobCode(() => iterator.next()); !next.done; next = await jobCode(() => iterator.next())) {
      yield next.value;
    }
  } finally {
    await iterator.return?.();
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
