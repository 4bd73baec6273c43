import type { BatchStatus, ErrorCode } from '#domain';
import type { ModelJob } from './jobs.js';
import { isSameJob, mayContinue, RELEASES, type ReleaseName } from './releases.js';

/** An execution as section 3 of the design has it, and nothing else. */
export interface PlainExecution {
  id: number;
  uuid: string;
  status: BatchStatus;
  instance: PlainInstance;
  /** How many items it had written when a force stop was answered: it writes no more. */
  sealed: number | undefined;
  /** What `changingJob` was when it began. */
  release: ReleaseName;
  /** Whether it has the parameter that only some releases have. */
  extra: boolean;
}

export interface PlainInstance {
  job: ModelJob;
  partitions: number;
  /** Whether its first execution fails. */
  fails: boolean;
  /** Oldest first; what was deleted is gone. */
  executions: PlainExecution[];
  /** Whether one of them was deleted: what it had written is then nobody's. */
  forgot: boolean;
  /** Whether one of them was abandoned: it then never runs again. */
  abandoned: boolean;
}

/** Everything that was started, in plain memory. */
export interface Plain {
  executions: PlainExecution[];
  /** What was deleted, and how many items it had written in transactions by then: it writes no more. */
  deleted: { uuid: string; written: number }[];
  /** The release of `changingJob` that the gateway has, if it has one. */
  gateway: ReleaseName | undefined;
  /** Whether anything but the first release was ever deployed. */
  deployed: boolean;
  /** Whether the database was ever put back. */
  wentBack: boolean;
}

export const beginning = (): Plain => ({
  executions: [],
  deleted: [],
  gateway: 'first',
  deployed: false,
  wentBack: false,
});

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
  restart(execution: PlainExecution, gateway: ReleaseName | undefined): Outcome {
    const { instance, status } = execution;
    const changing = instance.job === 'changingJob';
    if (changing && !gateway) return { refused: 'UNKNOWN_JOB' };
    const latest = instance.executions.at(-1) ?? execution;
    if (runs(latest)) return { refused: 'EXECUTION_STILL_RUNNING' };
    if (latest !== execution) return { refused: 'EXECUTION_NOT_LATEST' };
    if (status === 'COMPLETED') return { refused: 'EXECUTION_ALREADY_COMPLETED' };
    if (instance.abandoned) return { refused: 'EXECUTION_ABANDONED' };
    return (changing && gateway ? refusalOfChange(execution, gateway) : undefined) ?? { becomes: status };
  },
} as const;

function refusalOfChange({ release, extra }: PlainExecution, gateway: ReleaseName): Outcome | undefined {
  if (!isSameJob(release, gateway) && !mayContinue(release, gateway)) return { refused: 'JOB_CHANGED' };
  if (RELEASES[release].version !== RELEASES[gateway].version) return undefined; // Its parameters are upgraded.
  return extra === RELEASES[gateway].extra ? undefined : { refused: 'INVALID_PARAMETERS' };
}

/** What work and time alone may make of a status, at once or by and by. */
const BY_ITSELF: Partial<Record<BatchStatus, readonly BatchStatus[]>> = {
  STARTING: ['STARTED', 'COMPLETED', 'FAILED'],
  STARTED: ['COMPLETED', 'FAILED'],
  STOPPING: ['STOPPED', 'FAILED'],
};

export const mayBecomeByItself = (from: BatchStatus, to: BatchStatus): boolean =>
  from === to || (BY_ITSELF[from] ?? []).includes(to);
