import type { StepDefinition, StepFacts } from '#domain';
import type { Change, ControlStore, HandedOut, Lease, Seal, StepEnd } from '../store.port.js';
import type { Memory } from './memory.js';
import { begunStep, type ExecutionState, type InstanceStep } from './memory-state.js';
import type { PartitionRange } from '#job-kit';

/** What the controller of an execution does, while it holds the lease. */
export function memoryControl(memory: Memory): ControlStore {
  return {
    async acquire(ref, token, leaseMs) {
      const execution = memory.findRunning(ref);
      if (!execution) return { kind: 'gone' };
      const { lease } = execution;
      if (lease && lease.until > memory.now && deliveryOf(lease.token) !== deliveryOf(token)) {
        execution.nudged = true;
        return { kind: 'busy' };
      }
      execution.lease = { token, until: memory.now + leaseMs };
      execution.nudged = false;
      return { kind: 'acquired', attempts: ++execution.attempts };
    },

    async renew(lease, leaseMs) {
      memory.held(lease).lease = { token: lease.token, until: memory.now + leaseMs };
    },

    async release(lease) {
      const execution = memory.held(lease);
      if (execution.nudged) {
        execution.nudged = false;
        return 'again';
      }
      execution.lease = undefined;
      execution.attempts = 0;
      return 'released';
    },

    async load(ref) {
      const execution = memory.find(ref);
      return execution && memory.controlled(execution);
    },

    async facts(lease, steps) {
      const execution = memory.held(lease);
      return { status: execution.status, steps: steps.map((step) => factsOf(memory, execution, step)) };
    },

    async beginExecution(lease) {
      const execution = memory.held(lease);
      if (!memory.become(execution, 'STARTED')) return 'unchanged';
      execution.startTime ??= memory.now;
      execution.exitCode = 'EXECUTING';
      return 'changed';
    },

    beginStep: async (lease, step) => beginStep(memory, memory.held(lease), step),
    handOut: async (lease, step, window) => handOut(memory, memory.held(lease), step, window),

    async endStep(lease, step, end) {
      const execution = memory.held(lease);
      const known = execution.steps.get(step);
      if (known?.status !== 'STARTED') return 'unchanged';
      const history = memory.history(execution, step);
      if (end.status === 'COMPLETED' && !history.planned) return 'unchanged';
      if (end.status === 'COMPLETED' && memory.nextPartition(history, 0) !== undefined) {
        known.cursor = 0;
        return 'unchanged';
      }
      closeStep(memory, execution, step, end);
      return 'changed';
    },

    endExecution: async (lease, end, seals = []) => endExecution(memory, memory.held(lease), end, seals),
    reopen: async (lease, step, ranges) => reopen(memory, lease, step, ranges),
  };
}

const deliveryOf = (token: string): string => token.slice(0, token.lastIndexOf('#'));

function factsOf(memory: Memory, execution: ExecutionState, asked: StepDefinition & { rerun: boolean }): StepFacts {
  const { name, kind, rerun } = asked;
  const step = execution.steps.get(name);
  const history = memory.history(execution, name);
  const isStarted = step?.status === 'STARTED';
  return {
    name,
    kind,
    status: step?.status,
    skip: history.completed && !step && !rerun,
    planned: history.planned,
    partitions: history.planned ? history.plan.length : 0,
    inFlight: isStarted ? step.inFlight.size : 0,
    waiting: isStarted && memory.nextPartition(history, step.cursor) !== undefined,
    working: step !== undefined && step.work !== 'none',
    queued: false,
    partitionFailed: [...(step?.partitions.values() ?? [])].some(({ status }) => status === 'FAILED'),
  };
}

function beginStep(memory: Memory, execution: ExecutionState, step: string): Change {
  if (execution.status !== 'STARTED' || execution.steps.has(step)) return 'unchanged';
  const history = memory.history(execution, step);
  history.startCount++;
  // Run again although COMPLETED: what was done counts no longer.
  if (history.completed) {
    Object.assign(history, {
      completed: false,
      done: new Set(),
      positions: new Map(),
      rowsDone: 0,
    } satisfies Partial<InstanceStep>);
  }
  execution.steps.set(step, begunStep(memory.now));
  memory.touch(execution);
  return 'changed';
}

function handOut(memory: Memory, execution: ExecutionState, { name, kind }: StepDefinition, window: number): HandedOut {
  const step = execution.steps.get(name);
  if (step?.status !== 'STARTED') return { work: false, partitions: [] };
  memory.touch(execution);
  if (execution.status === 'STARTED' && step.work === 'none') {
    if (kind === 'tasklet' || !memory.history(execution, name).planned) step.work = 'waiting';
    else memory.fillWindow(execution, name, window);
  }
  return { work: step.work !== 'none', partitions: memory.inFlightOf(step) };
}

/** A COMPLETED step is remembered by the instance, so that restarts pass over it. */
export function closeStep(memory: Memory, execution: ExecutionState, stepName: string, end: StepEnd): void {
  const step = execution.steps.get(stepName)!;
  memory.end(step, end.status);
  Object.assign(step, { exitCode: end.exitCode, work: 'none', failure: end.failure?.message });
  step.inFlight.clear();
  if (end.status === 'COMPLETED') memory.history(execution, stepName).completed = true;
  if (end.failure) memory.addFailure(execution, end.failure.stepName, end.failure.message);
  memory.touch(execution);
}

function endExecution(memory: Memory, execution: ExecutionState, end: StepEnd, seals: readonly Seal[]): Change {
  const { status, exitCode, failure } = end;
  if (status === 'COMPLETED' && !isCompleted(memory, execution)) return 'unchanged';
  if (!memory.become(execution, status)) return 'unchanged';
  Object.assign(execution, { exitCode, endTime: memory.now, nudged: false });
  if (failure) memory.addFailure(execution, failure.stepName, failure.message);
  if (status === 'FAILED') memory.describeFailure(execution);
  memory.endOpenSteps(execution, status);
  if (status !== 'COMPLETED') execution.unsettledSince = memory.now;
  for (const seal of seals) noteSeal(memory, execution, seal);
  return 'changed';
}

/** Whether every step of its definition is COMPLETED, and none of its own runs again. */
const isCompleted = (memory: Memory, execution: ExecutionState): boolean =>
  [...execution.steps.values()].every(({ status }) => status === 'COMPLETED') &&
  execution.definition.steps.every(({ name }) => memory.history(execution, name).completed);

/** A database gives a mark once. Another execution that was sealed with the same one was sealed in a state that is lost. */
function noteSeal(memory: Memory, execution: ExecutionState, { ledger, database, mark }: Seal): void {
  for (const other of memory.state.executions.values()) {
    const seal = other.seals.get(ledger);
    if (other === execution || seal?.database !== database || seal.mark !== mark) continue;
    other.databaseWentBack ??= memory.now;
    other.seals.delete(ledger);
  }
  execution.seals.set(ledger, { database, mark });
  const known = memory.state.databases.get(ledger);
  // Another database than the known one is left for the next comparison to find.
  if (!known || (known.database === database && known.mark < mark)) {
    memory.state.databases.set(ledger, { database, mark });
  }
}

function reopen(memory: Memory, lease: Lease, stepName: string, ranges: readonly PartitionRange[]) {
  const execution = memory.held(lease);
  const history = memory.history(execution, stepName);
  const step = execution.steps.get(stepName);
  const reopened = [...history.done].filter((at) => ranges.some(([first, last]) => first <= at && at <= last));
  for (const partition of reopened) {
    history.done.delete(partition);
    // The rows that this execution has read follow when the partition runs again and its counts are set anew.
    if (step?.partitions.get(partition)?.status !== 'COMPLETED') history.rowsDone -= history.plan[partition]?.rows ?? 0;
  }
  history.rowsDone = Math.max(history.rowsDone, 0);
  history.completed = false;
  if (step) step.cursor = 0;
  if (step && reopened.length > 0) step.reopened++;
  if (step?.status === 'COMPLETED') {
    Object.assign(step, { status: 'STARTED', endTime: undefined, exitCode: undefined, lastUpdatedTime: memory.now });
  }
  memory.touch(execution);
  return { partitions: reopened.length, times: step?.reopened ?? 1 };
}
