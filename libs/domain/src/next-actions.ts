import type { StepDefinition } from './definition.js';
import type { ExitCode } from './exit-status.js';
import type { BatchStatus } from './status.js';

/** A step of a running execution, as the controller sees it. */
export interface StepFacts extends StepDefinition {
  /** Its status in this execution; undefined before it has begun. */
  status: BatchStatus | undefined;
  /** Whether this step may be passed over: COMPLETED by an earlier execution, and no `allowStartIfComplete`. */
  skip: boolean;
  /** Whether its plan is stored in full. */
  planned: boolean;
  /** Partitions in its plan. */
  partitions: number;
  /** Partitions handed out and not yet finished. */
  inFlight: number;
  /** Whether partitions are neither finished nor handed out. */
  waiting: boolean;
  /** Whether the step's own work, which is its tasklet or its planning, is handed out and not yet finished. */
  working: boolean;
  /** Whether what is handed out is known to stand in the queue: this controller has put it there. */
  queued: boolean;
  /** Whether a partition of it has failed in this execution. */
  partitionFailed: boolean;
}

export interface ControlFacts {
  status: BatchStatus;
  /** In the order in which they run. */
  steps: readonly StepFacts[];
}

/** What the controller of an execution does now. Closed: every case is handled by one `switch`. */
export type Action =
  | { kind: 'begin-execution' }
  | { kind: 'begin-step'; step: string }
  /** Hands out what may run of the step, and puts what is handed out into the queue. */
  | { kind: 'hand-out'; step: string }
  | { kind: 'end-step'; step: string; status: 'COMPLETED' | 'STOPPED' | 'FAILED'; exitCode: ExitCode }
  | { kind: 'end-execution'; status: 'COMPLETED' | 'STOPPED' | 'FAILED' };

/**
 * The next actions of an execution, from its state alone: asking twice gives the same answer.
 *
 * @returns none where there is nothing to do but wait, or the execution has ended
 */
export function decideNextActions({ status, steps }: ControlFacts): Action[] {
  switch (status) {
    case 'STARTING':
      return [{ kind: 'begin-execution' }];
    case 'STARTED':
      return forward(steps);
    case 'STOPPING':
      return windDown(steps);
    default:
      return [];
  }
}

function forward(steps: readonly StepFacts[]): Action[] {
  const step = steps.find((s) => !s.skip && s.status !== 'COMPLETED');
  if (!step) return [{ kind: 'end-execution', status: 'COMPLETED' }];
  if (step.status === undefined) return [{ kind: 'begin-step', step: step.name }];
  if (step.status !== 'STARTED') return [{ kind: 'end-execution', status: 'FAILED' }];
  if (isHandedOut(step)) return handOutAgain(step);
  if (step.kind === 'tasklet' || !step.planned || step.waiting) return [{ kind: 'hand-out', step: step.name }];
  return [endStep(step, 'COMPLETED')];
}

function windDown(steps: readonly StepFacts[]): Action[] {
  const started = steps.filter((s) => s.status === 'STARTED');
  if (started.length === 0) {
    const failed = steps.some((s) => s.status === 'FAILED');
    return [{ kind: 'end-execution', status: failed ? 'FAILED' : 'STOPPED' }];
  }
  return started.flatMap((step) => (isHandedOut(step) ? handOutAgain(step) : [endStep(step, 'STOPPED')]));
}

const isHandedOut = ({ inFlight, working }: StepFacts): boolean => inFlight > 0 || working;

/**
 * What is handed out is first put (back) into the queue: the controller that was to do so may have died in between, and
 * adding a job that is there already changes nothing.
 */
const handOutAgain = ({ name, queued }: StepFacts): Action[] => (queued ? [] : [{ kind: 'hand-out', step: name }]);

/** A chunk step with nothing to do exits NOOP; one with a failed partition has FAILED, whatever the others did. */
function endStep({ name, partitionFailed, partitions }: StepFacts, otherwise: 'COMPLETED' | 'STOPPED'): Action {
  const status = partitionFailed ? 'FAILED' : otherwise;
  const exitCode = status === 'COMPLETED' && partitions === 0 ? 'NOOP' : status;
  return { kind: 'end-step', step: name, status, exitCode };
}
