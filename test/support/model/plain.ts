import type { BatchStatus, ErrorCode } from '#domain';
import type { ModelJob } from './jobs.js';

/** An execution as section 3 of the design has it, and nothing else. */
export interface PlainExecution {
  id: number;
  uuid: string;
  status: BatchStatus;
  instance: PlainInstance;
  /** How many items it had written when a force stop was answered: it writes no more. */
  sealed: number | undefined;
}

export interface PlainInstance {
  job: ModelJob;
  partitions: number;
  /** Oldest first; what was deleted is gone. */
  executions: PlainExecution[];
  /** Whether one of them was deleted: what it had written is then nobody's. */
  forgot: boolean;
}

/** Everything that was started, in plain memory. */
export interface Plain {
  executions: PlainExecution[];
  /** What was deleted, and how many items it had written in transactions by then: it writes no more. */
  deleted: { uuid: string; written: number }[];
}

/** What an operation comes to: a refusal's code, or what the execution's status is then. */
type Outcome = { refused: ErrorCode } | { becomes: BatchStatus };

const RUNNING: readonly BatchStatus[] = ['STARTING', 'STARTED', 'STOPPING'];
export const runs = ({ status }: PlainExecution): boolean => RUNNING.includes(status);

/** The table of section 3, as sentences. */
export const RULES = {
  stop: (execution: PlainExecution): Outcome =>
    runs(execution) ? { becomes: 'STOPPING' } : { refused: 'EXECUTION_NOT_RUNNING' },

  'force stop': (): Outcome => ({ becomes: 'STOPPED' }),

  abandon(execution: PlainExecution): Outcome {
    if (runs(execution)) return { refused: 'EXECUTION_STILL_RUNNING' };
    if (execution.status === 'COMPLETED') return { refused: 'EXECUTION_ALREADY_COMPLETED' };
    return { becomes: 'ABANDONED' };
  },

  /** What becomes of the execution that is restarted: nothing; a new one is there. */
  restart(execution: PlainExecution): Outcome {
    const latest = execution.instance.executions.at(-1) ?? execution;
    if (runs(latest)) return { refused: 'EXECUTION_STILL_RUNNING' };
    if (latest !== execution) return { refused: 'EXECUTION_NOT_LATEST' };
    if (execution.status === 'COMPLETED') return { refused: 'EXECUTION_ALREADY_COMPLETED' };
    if (execution.status === 'ABANDONED') return { refused: 'EXECUTION_ABANDONED' };
    return { becomes: execution.status };
  },
} as const;

/** What work and time alone may make of a status, at once or by and by. */
const BY_ITSELF: Partial<Record<BatchStatus, readonly BatchStatus[]>> = {
  STARTING: ['STARTED', 'COMPLETED', 'FAILED'],
  STARTED: ['COMPLETED', 'FAILED'],
  STOPPING: ['STOPPED', 'FAILED'],
};

export const mayBecomeByItself = (from: BatchStatus, to: BatchStatus): boolean =>
  from === to || (BY_ITSELF[from] ?? []).includes(to);
