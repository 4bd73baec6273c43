import { differencesOf, kindChanges, type JobDefinition } from './definition.js';
import type { ErrorCode } from './errors.js';
import type { ExecutionId } from './ids.js';
import type { BatchStatus } from './status.js';

/** What the deciders must know of an execution. */
export interface ExecutionFacts {
  id: ExecutionId;
  status: BatchStatus;
}

/** A refused operation: the stable reason, and a sentence that tells what to do instead. */
export interface Refusal {
  kind: 'refuse';
  why: ErrorCode;
  message: string;
}

const refuse = (why: ErrorCode, message: string): Refusal => ({ kind: 'refuse', why, message });

export interface RestartFacts {
  /** The execution that is to be restarted. */
  execution: ExecutionFacts;
  /** The newest execution of its instance, read no earlier than `execution`. */
  latest: ExecutionFacts;
  /** Whether an execution of the instance was ever abandoned: that is final, even if that execution was deleted since. */
  abandoned: boolean;
  /** The job's definition as it was for `latest`. */
  definition: JobDefinition;
  /** The job as it is deployed here; undefined where it is not. */
  job: RestartableJob | undefined;
  jobName: string;
  /** The steps that would run again, with how often each has been started in this instance. */
  steps: readonly StepStartFacts[];
}

export interface RestartableJob {
  restartable: boolean;
  definition: JobDefinition;
  /** Versions whose executions it declares to continue. */
  continues: readonly string[];
}

export interface StepStartFacts {
  name: string;
  /** Attempts so far in this instance. */
  startCount: number;
  /** Most attempts allowed; Infinity where the job sets none. */
  startLimit: number;
  /** Whether a restart would run it again (not COMPLETED, or `allowStartIfComplete`). */
  runsAgain: boolean;
}

type RestartRule = (id: ExecutionId) => Refusal | undefined;

/** Whether an execution of this status may be restarted: undefined means yes. */
export const RESTART_RULES: Record<BatchStatus, RestartRule> = {
  STARTING: (id) => stillRunning(id),
  STARTED: (id) => stillRunning(id),
  STOPPING: (id) =>
    refuse('EXECUTION_STILL_RUNNING', `Execution ${id} is still stopping. Wait until it is STOPPED, then restart it.`),
  STOPPED: () => undefined,
  FAILED: () => undefined,
  COMPLETED: (id) =>
    refuse(
      'EXECUTION_ALREADY_COMPLETED',
      `Execution ${id} has COMPLETED, so there is nothing to restart. Start the job anew instead.`,
    ),
  ABANDONED: (id) =>
    refuse(
      'EXECUTION_ABANDONED',
      `Execution ${id} was abandoned and can never be restarted. Start the job anew instead.`,
    ),
  UNKNOWN: (id) =>
    refuse(
      'EXECUTION_NOT_RESTARTABLE',
      `Execution ${id} is in an UNKNOWN state. Force-stop it first (stop?force=true), then restart it.`,
    ),
};

const stillRunning = (id: ExecutionId): Refusal =>
  refuse('EXECUTION_STILL_RUNNING', `Execution ${id} is still running. Stop it first, then restart it.`);

/** May this execution be restarted? The first rule that refuses gives the reason. */
export function decideRestart(facts: RestartFacts): { kind: 'restart' } | Refusal {
  const { execution, latest, job, jobName } = facts;
  if (!job) {
    return refuse(
      'UNKNOWN_JOB',
      `Job ${jobName} is unknown here. Deploy a version that has it, then restart execution ${execution.id}.`,
    );
  }
  if (!job.restartable) {
    return refuse('JOB_NOT_RESTARTABLE', `Job ${jobName} is not restartable. Start it anew instead.`);
  }
  if (latest.id !== execution.id) return notLatest(execution, latest);
  // `latest` is what the launch compares with, and was read after `execution`: it may have been abandoned in between.
  const refusal =
    RESTART_RULES[latest.status](latest.id) ?? (facts.abandoned ? instanceAbandoned(execution.id) : undefined);
  if (refusal) return refusal;
  const changed = changeRefused(jobName, facts.definition, job);
  if (changed) return changed;
  const spent = facts.steps.find((step) => step.runsAgain && step.startCount >= step.startLimit);
  if (spent) {
    return refuse(
      'STEP_START_LIMIT_REACHED',
      `Step ${spent.name} has been started ${spent.startCount} times, its limit. Start the job anew instead.`,
    );
  }
  return { kind: 'restart' };
}

const instanceAbandoned = (id: ExecutionId): Refusal =>
  refuse(
    'EXECUTION_ABANDONED',
    `The instance of execution ${id} was abandoned and can never be restarted. Start the job anew instead.`,
  );

/** A job that is no longer what it was is not run on what its earlier self has left, unless its author says that it may be. */
function changeRefused(jobName: string, before: JobDefinition, job: RestartableJob): Refusal | undefined {
  const differences = differencesOf(before, job.definition);
  if (differences.length === 0) return undefined;
  const changed = `Job ${jobName} has changed since this execution: ${differences.join('; ')}.`;
  if (!job.continues.includes(before.version)) {
    return refuse(
      'JOB_CHANGED',
      `${changed} Deploy version ${before.version} as it was to restart it, declare continues: ['${before.version}'] in the job, or start the job anew.`,
    );
  }
  // What is stored of a step (its plan, its checkpoints) can only be read by a step of the same kind.
  if (kindChanges(before, job.definition).length === 0) return undefined;
  return refuse(
    'JOB_CHANGED',
    `${changed} A step cannot continue as another kind of step: give it another name, or start the job anew.`,
  );
}

/** An older execution of the instance: name the newest one, or what it has come to. */
function notLatest(execution: ExecutionFacts, latest: ExecutionFacts): Refusal {
  const later = RESTART_RULES[latest.status](latest.id);
  if (later && later.why === 'EXECUTION_STILL_RUNNING') return later;
  return refuse(
    'EXECUTION_NOT_LATEST',
    `Execution ${execution.id} is not the latest of its instance. ${
      later ? later.message : `Restart execution ${latest.id} instead.`
    }`,
  );
}

/** May a job with identifying parameters start, when this is the newest execution of the same parameters? */
export function decideStart(
  existing: (ExecutionFacts & { abandoned: boolean }) | undefined,
): { kind: 'start' } | Refusal {
  if (!existing) return { kind: 'start' };
  return START_RULES[existing.abandoned ? 'ABANDONED' : existing.status](existing.id);
}

const alreadyRunning = (id: ExecutionId): Refusal =>
  refuse(
    'INSTANCE_ALREADY_RUNNING',
    `Execution ${id} is running with the same identifying parameters. Wait for it or stop it.`,
  );
const restartInstead = (id: ExecutionId): Refusal =>
  refuse(
    'INSTANCE_ALREADY_EXISTS',
    `Execution ${id} has the same identifying parameters and did not complete. Restart it instead.`,
  );
const alreadyDone = (id: ExecutionId): Refusal =>
  refuse(
    'INSTANCE_ALREADY_COMPLETED',
    `Execution ${id} has COMPLETED with the same identifying parameters. Change one of them to run again.`,
  );

/** What an existing instance means for a start of the same identifying parameters. An abandoned one still owns them. */
export const START_RULES: Record<BatchStatus, (id: ExecutionId) => Refusal> = {
  STARTING: alreadyRunning,
  STARTED: alreadyRunning,
  STOPPING: alreadyRunning,
  STOPPED: restartInstead,
  FAILED: restartInstead,
  COMPLETED: alreadyDone,
  ABANDONED: (id) =>
    refuse(
      'EXECUTION_ABANDONED',
      `The instance of execution ${id} with the same identifying parameters was abandoned. Change one of them to run again.`,
    ),
  UNKNOWN: restartInstead,
};

/** May this execution be stopped (not by force)? A second stop of a stopping one is no error. */
export function decideStop(execution: ExecutionFacts): { kind: 'stop' } | { kind: 'already-stopping' } | Refusal {
  switch (execution.status) {
    case 'STARTING':
    case 'STARTED':
      return { kind: 'stop' };
    case 'STOPPING':
      return { kind: 'already-stopping' };
    default:
      return refuse(
        'EXECUTION_NOT_RUNNING',
        `Execution ${execution.id} is not running: it is ${execution.status}. There is nothing to stop.`,
      );
  }
}

/**
 * May this execution be force-stopped? Always: the contract (33.2.3) marks it STOPPED "no matter what state it currently
 * is in". One that is STOPPED stays as it is, and its gate is closed again.
 */
export const decideForceStop = ({ status }: ExecutionFacts): { kind: 'force-stop' } | { kind: 'already-stopped' } =>
  status === 'STOPPED' ? { kind: 'already-stopped' } : { kind: 'force-stop' };

/** May this execution be abandoned? Only what has ended without success may. */
export function decideAbandon(
  execution: ExecutionFacts,
): { kind: 'abandon' } | { kind: 'already-abandoned' } | Refusal {
  switch (execution.status) {
    case 'STOPPED':
    case 'FAILED':
      return { kind: 'abandon' };
    case 'ABANDONED':
      return { kind: 'already-abandoned' };
    case 'STARTING':
    case 'STARTED':
    case 'STOPPING':
      return refuse(
        'EXECUTION_STILL_RUNNING',
        `Execution ${execution.id} is still running. Stop it first, then abandon it.`,
      );
    case 'COMPLETED':
      return refuse(
        'EXECUTION_ALREADY_COMPLETED',
        `Execution ${execution.id} has COMPLETED, so there is nothing to abandon.`,
      );
    case 'UNKNOWN':
      return refuse(
        'EXECUTION_NOT_RESTARTABLE',
        `Execution ${execution.id} is in an UNKNOWN state. Force-stop it first, then abandon it.`,
      );
  }
}
