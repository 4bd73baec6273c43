import { assertNever, decideNextActions, type Action, type ControlFacts } from '#domain';
import { GateMissingError, TransientError, UnavailableError, type JobRegistry, type Log } from '#job-kit';
import { DatabaseWatch } from './database-watch.js';
import { leaveReason, type Delivery } from './delivery.js';
import { clip, messageOf, stackOf } from './describe-error.js';
import { jobCode, StepFailure } from './job-code.js';
import { holdLease } from './lease.js';
import { DONE, type Outcome } from './outcome.js';
import { serve, type Served } from './serving.js';
import type { Settlement } from './settlement.js';
import { sinksOf, type Sinks } from './sinks.js';
import { StepRepair } from './step-repair.js';
import {
  LeaseLostError,
  type Change,
  type ControlledExecution,
  type ControlStore,
  type DatabaseStore,
  type ExecutionRef,
  type HandBackStore,
  type Lease,
  type StepEnd,
} from './store.port.js';
import { SWEEP, type Ambient, type Dispatcher } from './work.port.js';

export interface ControllerParts {
  jobs: JobRegistry;
  store: ControlStore & HandBackStore & DatabaseStore;
  dispatcher: Dispatcher;
  sinks: Sinks;
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
  maxAttempts: number;
}

/** What a controller works with while it holds the lease. */
interface Control {
  lease: Lease;
  execution: ControlledExecution;
  served: Served;
  /** Aborts with the lease, or when the delivery must be left. */
  signal: AbortSignal;
  /** Whether the sweeper has asked: what is handed out may be lost in a way that the queue does not see. */
  thorough: boolean;
  /** Steps whose work in hand this controller has put into the queue. */
  queued: Set<string>;
}

/**
 * Moves an execution on: looks at its state, does the next actions, looks again. It holds a lease meanwhile, so an
 * execution never has two. Every action is idempotent, since its worker may die at any moment. None runs code of a job:
 * that may take long, and has workers of its own.
 */
export class Controller {
  readonly #repair: StepRepair;
  readonly #databases: DatabaseWatch;

  constructor(private readonly parts: ControllerParts) {
    this.#repair = new StepRepair(parts);
    this.#databases = new DatabaseWatch(parts);
  }

  async control(ref: ExecutionRef, delivery: Delivery): Promise<Outcome> {
    const { store, ambient, leaseMs } = this.parts;
    try {
      const lease = { ...ref, token: `${delivery.id}#${ambient.uuid()}` };
      const acquired = await store.acquire(ref, lease.token, leaseMs);
      if (acquired.kind !== 'acquired') return DONE;
      const held = holdLease(() => store.renew(lease, leaseMs), leaseMs);
      try {
        const signal = AbortSignal.any([held.lost, delivery.abort, delivery.drain]);
        return await this.#whileHeld(lease, delivery, signal, acquired.attempts);
      } catch (error) {
        if (leaveReason(delivery) || error instanceof UnavailableError) await this.#giveBack(lease);
        throw error;
      } finally {
        held.stop();
      }
    } catch (error) {
      return this.#interrupted(ref, delivery, error);
    }
  }

  async #whileHeld(lease: Lease, delivery: Delivery, signal: AbortSignal, attempts: number): Promise<Outcome> {
    const { jobs, store, maxAttempts } = this.parts;
    const execution = await store.load(lease);
    if (!execution) return DONE;
    const control: Control = {
      lease,
      execution,
      served: serve(jobs, execution),
      signal,
      thorough: delivery.id.endsWith(`-${SWEEP}`),
      queued: new Set(),
    };
    if (attempts > maxAttempts) {
      return this.#fail(
        control,
        `${attempts - 1} controllers in a row ended before they had done. The log of the workers tells why.`,
      );
    }
    try {
      for (;;) {
        const outcome = await this.#drive(control);
        if ((await store.release(lease)) === 'released') return outcome;
      }
    } catch (error) {
      if (signal.aborted || !this.#isLasting(error, delivery)) throw error;
      this.parts.log.error('A database refuses', { ...lease, reason: messageOf(error), stack: stackOf(error) });
      return this.#fail(control, messageOf(error));
    }
  }

  /** One that leaves in good order is not counted with those that died. What cannot be given back runs out. */
  async #giveBack(lease: Lease): Promise<void> {
    const release = () => this.parts.store.release(lease).catch(() => 'released');
    while ((await release()) === 'again');
  }

  /** Whether a sink has failed for good, or its transient faults have used up the tries. */
  #isLasting(error: unknown, { tries }: Delivery): boolean {
    if (error instanceof UnavailableError) return false;
    // A seal that finds no gate: the database was put back in that moment.
    if (error instanceof GateMissingError) return true;
    return error instanceof StepFailure || (error instanceof TransientError && tries >= this.parts.maxTries);
  }

  /** Acts until there is nothing to do but wait. Facts that stay as they are after an action are our fault, and end it. */
  async #drive(control: Control): Promise<Outcome> {
    for (let before = ''; ;) {
      const facts = await this.#facts(control);
      const actions = decideNextActions(facts);
      if (actions.length === 0) return DONE;
      if (control.served.kind === 'not-here' && facts.status !== 'STOPPING') {
        await this.parts.store.noteHandedBack(control.lease, control.served.reason);
        return control.served;
      }
      const now = JSON.stringify([facts, actions]);
      if (now === before) return this.#stuck(control, actions);
      before = now;
      if (await this.#actAll(control, facts, actions)) return DONE;
    }
  }

  async #facts({ lease, execution, served, queued }: Control): Promise<ControlFacts> {
    const reruns = new Set(
      served.kind === 'served'
        ? served.job.steps.flatMap(({ name, allowStartIfComplete }) => (allowStartIfComplete ? [name] : []))
        : [],
    );
    const steps = execution.definition.steps.map((step) => ({ ...step, rerun: reruns.has(step.name) }));
    const facts = await this.parts.store.facts(lease, steps);
    return { ...facts, steps: facts.steps.map((step) => ({ ...step, queued: queued.has(step.name) })) };
  }

  /** @returns whether the execution has ended */
  async #actAll(control: Control, facts: ControlFacts, actions: readonly Action[]): Promise<boolean> {
    for (const action of actions) {
      if (control.signal.aborted) throw new LeaseLostError('The lease or the lock on this work is lost.');
      const change = await this.#act(control, facts, action);
      if (action.kind === 'end-execution' && change === 'changed') return true;
    }
    return false;
  }

  async #act(control: Control, facts: ControlFacts, action: Action): Promise<Change> {
    const { store } = this.parts;
    const { lease } = control;
    switch (action.kind) {
      case 'begin-execution':
        return this.#begin(control, facts);
      case 'begin-step':
        return store.beginStep(lease, action.step);
      case 'hand-out':
        return this.#handOut(control, action.step);
      case 'end-step':
        return this.#endStep(control, facts, action);
      case 'end-execution':
        return this.#end(control, facts, action.status);
      default:
        return assertNever(action);
    }
  }

  /**
   * Opening the gate closes those of the instance's other executions: none of them writes any more. A restart then goes by
   * what the databases know as finished, whatever Redis says.
   */
  async #begin({ lease, execution }: Control, facts: ControlFacts): Promise<Change> {
    const { store, sinks, settlement } = this.parts;
    const used = sinksOf(sinks, execution);
    if (used.length > 0) {
      await settlement.settlePredecessors(execution);
      for (const { gate } of used) await jobCode(() => gate.open(execution));
      if (execution.isRestart) await this.#repair.all(lease, execution, facts);
    }
    return store.beginExecution(lease);
  }

  async #handOut({ lease, execution, queued, thorough }: Control, name: string): Promise<Change> {
    const { store, dispatcher, window } = this.parts;
    const step = execution.definition.steps.find((candidate) => candidate.name === name)!;
    const { work, partitions } = await store.handOut(lease, step, window);
    const { id, uuid, jobName, definition } = execution;
    const toQueue = { id, uuid, jobName, jobVersion: definition.version };
    if (work) await dispatcher.step(toQueue, name, thorough);
    await dispatcher.partitions(toQueue, name, partitions, thorough);
    queued.add(name);
    return 'changed';
  }

  /** A step is COMPLETED only if its database knows every partition as finished. */
  async #endStep(
    { lease, execution, queued }: Control,
    facts: ControlFacts,
    action: Extract<Action, { kind: 'end-step' }>,
  ): Promise<Change> {
    const { store } = this.parts;
    const { step, status, exitCode } = action;
    const end: StepEnd = { status, exitCode };
    if (status === 'COMPLETED') {
      const repaired = await this.#repair.step(lease, execution, facts, step);
      if (repaired.kind === 'reopened') queued.delete(step);
      if (repaired.kind === 'reopened') return 'changed';
      if (repaired.kind === 'beyond-repair') {
        const failure = { stepName: step, message: repaired.message };
        return store.endStep(lease, step, { status: 'FAILED', exitCode: 'FAILED', failure });
      }
    }
    return store.endStep(lease, step, end);
  }

  /**
   * No worker is left in the execution, so its gate can close: settling does so. That of a COMPLETED one stays open:
   * nothing is left to write, and a Redis that loses the second of its end comes to the same end again, where a closed
   * gate would read like a force stop.
   */
  async #end({ lease, execution, queued }: Control, facts: ControlFacts, status: StepEnd['status']): Promise<Change> {
    const { store, settlement } = this.parts;
    if (status !== 'COMPLETED') {
      const change = await store.endExecution(lease, { status, exitCode: status });
      if (change === 'changed') await settlement.settle(execution);
      return change;
    }
    if (await this.#repair.all(lease, execution, facts)) {
      queued.clear();
      return 'changed';
    }
    const seals = await this.#databases.seal(execution);
    return store.endExecution(lease, { status, exitCode: status }, seals);
  }

  /** The execution cannot even be driven. If its counts cannot be settled now, the sweeper does so. */
  async #fail({ lease, execution }: Control, message: string): Promise<Outcome> {
    const failure = { stepName: execution.jobName, message: clip(message) };
    this.parts.log.error('An execution has failed', { executionId: lease.id, job: execution.jobName, reason: message });
    await this.parts.store.endExecution(lease, { status: 'FAILED', exitCode: 'FAILED', failure });
    return DONE;
  }

  #stuck(control: Control, actions: readonly Action[]): Promise<Outcome> {
    const told = actions.map((action) => ('step' in action ? `${action.kind} ${action.step}` : action.kind)).join(', ');
    return this.#fail(
      control,
      `Longshore made no progress: "${told}" changed nothing. This is a fault of Longshore; please report it.`,
    );
  }

  async #interrupted(ref: ExecutionRef, delivery: Delivery, error: unknown): Promise<Outcome> {
    const { log } = this.parts;
    if (leaveReason(delivery) === 'drain') return { kind: 'hand-back' };
    if (error instanceof LeaseLostError) {
      log.warn('Superseded: this controller leaves', { ...ref, reason: error.message });
      return DONE;
    }
    if (error instanceof UnavailableError) return { kind: 'unavailable', error };
    return { kind: 'repeat', error: error instanceof Error ? error : new Error(messageOf(error)) };
  }
}
