import type { ExitCode } from './exit-status.js';
import type { BatchStatus } from './status.js';

/** A step of a running execution, as the controller sees it. */
export interface StepFacts {
  /** Its status in this execution; undefined before it has begun. */
  status: BatchStatus | undefined;
  /** Whether this step may be passed over: COMPLETED by an earlier execution, and no `allowStartIfComplete`. */
  skip: boolean;
  /** Whether it is a chunk step, whose work is done by partitions. */
  partitioned: boolean;
  /** Whether its plan is stored in full. */
  planned: boolean;
  /** Whether the plan holds no partition at all. */
  empty: boolean;
  /** Partitions handed out and not yet finished. */
  inFlight: number;
  /** Partitions neither finished nor handed out. */
  waiting: number;
  /** Whether the partitions in flight are known to stand in the queue: this controller has put them there. */
  dispatched: boolean;
  /** Whether a partition of it has failed in this execution. */
  partitionFailed: boolean;
}

export interface ControlFacts {
  status: BatchStatus;
  steps: readonly StepFacts[];
}

/** What the controller of an execution does now. Closed: every case is handled by one `switch`. */
export type Action =
  | { kind: 'begin-execution' }
  | { kind: 'begin-step'; step: number }
  | { kind: 'run-tasklet'; step: number }
  | { kind: 'plan'; step: number }
  | { kind: 'dispatch'; step: number }
  | { kind: 'end-step'; step: number; status: BatchStatus; exitCode: ExitCode }
  | { kind: 'end-execution'; status: 'COMPLETED' | 'STOPPED' | 'FAILED' }
  | { kind: 'wait' }
  | { kind: 'none' };

/** The next action of an execution, from its state alone: asking twice gives the same answer. */
export function decideNextAction({ status, steps }: ControlFacts): Action {
  switch (status) {
    case 'STARTING':
      return { kind: 'begin-execution' };
    case 'STARTED':
      return forward(steps);
    case 'STOPPING':
      return windDown(steps);
    default:
      return { kind: 'none' };
  }
}

/**
 * A controller that finds partitions in flight first puts their jobs (back) into the queue: whoever was to do so may
 * have died in between, and adding a job that is there already changes nothing.
 */
function forward(steps: readonly StepFacts[]): Action {
  const step = steps.findIndex((s) => !s.skip && s.status !== 'COMPLETED');
  const facts = steps[step];
  if (!facts) return { kind: 'end-execution', status: 'COMPLETED' };
  if (facts.status === undefined) return { kind: 'begin-step', step };
  if (facts.status !== 'STARTED') return { kind: 'end-execution', status: 'FAILED' };
  if (!facts.partitioned) return { kind: 'run-tasklet', step };
  if (!facts.planned) return { kind: 'plan', step };
  if (facts.inFlight > 0) return facts.dispatched ? { kind: 'wait' } : { kind: 'dispatch', step };
  if (facts.waiting > 0) return { kind: 'dispatch', step };
  return endStep(step, facts, 'COMPLETED');
}

function windDown(steps: readonly StepFacts[]): Action {
  const step = steps.findIndex((s) => s.status === 'STARTED');
  const facts = steps[step];
  if (facts && facts.inFlight > 0) return facts.dispatched ? { kind: 'wait' } : { kind: 'dispatch', step };
  if (facts) return endStep(step, facts, 'STOPPED');
  const failed = steps.some((s) => s.status === 'FAILED');
  return { kind: 'end-execution', status: failed ? 'FAILED' : 'STOPPED' };
}

/** A chunk step with nothing to do exits NOOP; one with a failed partition has FAILED, whatever the others did. */
function endStep(step: number, facts: StepFacts, otherwise: 'COMPLETED' | 'STOPPED'): Action {
  const status = facts.partitionFailed ? 'FAILED' : otherwise;
  return { kind: 'end-step', step, status, exitCode: status === 'COMPLETED' && facts.empty ? 'NOOP' : status };
}
