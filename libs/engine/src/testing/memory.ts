import {
  addCounts,
  exitCodeOf,
  isRunning,
  mayBecome,
  NO_COUNTS,
  type BatchStatus,
  type Counts,
  type ExecutionId,
  type InstanceId,
} from '#domain';
import { LIMITS } from '../limits.js';
import { LeaseLostError, type ControlledExecution, type ExecutionRef, type Lease } from '../store.port.js';
import type { ManualClock } from './clock.js';
import {
  emptyInstanceStep,
  emptyState,
  type ExecutionState,
  type InstanceState,
  type InstanceStep,
  type State,
  type StepState,
} from './memory-state.js';

/** The state of one module in memory, and the moves that all its ports share. Each port's call is one step: nothing comes in between. */
export class Memory {
  state: State = emptyState();

  constructor(readonly clock: ManualClock) {}

  get now(): number {
    return this.clock.now;
  }

  // Finding

  /** Undefined if it is not there, or is another one under the same number. */
  find({ id, uuid }: Pick<ExecutionRef, 'id'> & Partial<ExecutionRef>): ExecutionState | undefined {
    const found = this.state.executions.get(id);
    return uuid === undefined || found?.uuid === uuid ? found : undefined;
  }

  findRunning(ref: ExecutionRef): ExecutionState | undefined {
    const found = this.find(ref);
    return found && isRunning(found.status) ? found : undefined;
  }

  /** @throws LeaseLostError */
  held({ id, token }: Lease): ExecutionState {
    const found = this.state.executions.get(id);
    if (found?.lease && found.lease.token === token && found.lease.until > this.now) return found;
    throw new LeaseLostError(`The lease on execution ${id} is lost.`);
  }

  instanceOf({ instanceId }: { instanceId: InstanceId }): InstanceState {
    return this.state.instances.get(instanceId)!;
  }

  latestOf(instance: InstanceState): ExecutionId {
    return instance.executions.at(-1)!;
  }

  /** What the instance of an execution has done of a step. */
  history(execution: { instanceId: InstanceId }, step: string): InstanceStep {
    const { steps } = this.instanceOf(execution);
    const known = steps.get(step) ?? emptyInstanceStep();
    steps.set(step, known);
    return known;
  }

  controlled(execution: ExecutionState): ControlledExecution {
    const { id, uuid, instanceId, jobName, definition, parameters, isRestart } = execution;
    const { uuid: instanceUuid } = this.instanceOf(execution);
    return structuredClone({ id, uuid, instanceId, instanceUuid, jobName, definition, parameters, isRestart });
  }

  // Moving

  touch(execution: ExecutionState): void {
    if (isRunning(execution.status)) execution.progressAt = this.now;
  }

  /** @returns whether the state machine lets it */
  become(execution: ExecutionState, status: BatchStatus): boolean {
    if (!mayBecome(execution.status, status)) return false;
    this.moveTo(execution, status);
    return true;
  }

  moveTo(execution: ExecutionState, status: BatchStatus): void {
    Object.assign(execution, { status, statusAt: this.now, progressAt: this.now, lastUpdatedTime: this.now });
    if (!isRunning(status)) execution.handedBack = undefined;
  }

  addFailure(execution: ExecutionState, stepName: string, message: string): void {
    if (execution.failures.length < LIMITS.failures) execution.failures.push({ stepName, message, time: this.now });
  }

  /** A FAILED execution is described by its first failure. */
  describeFailure(execution: ExecutionState): void {
    const [first] = execution.failures;
    if (first) execution.exitDescription = `${first.stepName}: ${first.message}`;
  }

  /** Ends what still runs in an execution that ends. */
  endOpenSteps(execution: ExecutionState, status: BatchStatus): void {
    for (const step of execution.steps.values()) {
      if (step.status === 'STARTED') {
        this.end(step, status);
        for (const partition of step.partitions.values()) {
          if (partition.status === 'STARTED') this.end(partition, status);
        }
      }
      step.work = 'none';
      step.inFlight.clear();
    }
  }

  /** Ends an execution without its controller, which leaves when it finds its lease gone. */
  endAtOnce(execution: ExecutionState, status: 'STOPPED' | 'FAILED'): void {
    this.moveTo(execution, status);
    execution.endTime ??= this.now;
    execution.exitCode = status;
    this.endOpenSteps(execution, status);
    execution.lease = undefined;
    execution.nudged = false;
    execution.unsettledSince ??= this.now;
  }

  end(
    attempted: { status: BatchStatus; endTime: number | undefined; lastUpdatedTime: number; attempts: number },
    status: BatchStatus,
  ): void {
    Object.assign(attempted, { status, endTime: this.now, lastUpdatedTime: this.now, attempts: 0 });
  }

  // Counting

  countsOfStep(step: StepState | undefined): Counts {
    const partitions = [...(step?.partitions.values() ?? [])];
    return partitions.reduce((sum, { counts }) => addCounts(sum, counts), NO_COUNTS);
  }

  countsOf({ steps }: ExecutionState): Counts {
    return [...steps.values()].reduce((sum, step) => addCounts(sum, this.countsOfStep(step)), NO_COUNTS);
  }

  /** Counts are absolute, so setting them again changes nothing. */
  setCounts(execution: ExecutionState, stepName: string, partition: number, counts: Counts): void {
    const step = execution.steps.get(stepName)!;
    const known = step.partitions.get(partition)!;
    this.history(execution, stepName).rowsDone += counts.readCount - known.counts.readCount;
    known.counts = { ...counts };
    for (const part of [known, step, execution]) part.lastUpdatedTime = this.now;
    this.touch(execution);
  }

  // Handing out

  /** The first partition from `from` on that is not COMPLETED. */
  nextPartition({ plan, planned, done }: InstanceStep, from: number): number | undefined {
    if (!planned) return undefined;
    for (let at = from; at < plan.length; at++) if (!done.has(at)) return at;
    return undefined;
  }

  takeNext(execution: ExecutionState, stepName: string): number | undefined {
    const step = execution.steps.get(stepName)!;
    const partition = this.nextPartition(this.history(execution, stepName), step.cursor);
    if (partition === undefined) return undefined;
    step.cursor = partition + 1;
    step.inFlight.add(partition);
    return partition;
  }

  fillWindow(execution: ExecutionState, stepName: string, window: number): void {
    const { inFlight } = execution.steps.get(stepName)!;
    while (inFlight.size < window && this.takeNext(execution, stepName) !== undefined);
  }

  inFlightOf(step: StepState): number[] {
    return [...step.inFlight].toSorted((a, b) => a - b);
  }

  exitCodeOf({ exitCode, status }: StepState): string {
    return exitCode ?? exitCodeOf(status);
  }
}
