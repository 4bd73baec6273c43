import { isRunning, type BatchStatus } from './status.js';

/** The exit codes Longshore itself gives; a job may return one of its own. */
export const EXIT_CODES = ['EXECUTING', 'COMPLETED', 'NOOP', 'STOPPED', 'FAILED', 'UNKNOWN'] as const;

/** One of {@link EXIT_CODES}, or a job's own word. */
export type ExitCode = (typeof EXIT_CODES)[number] | (string & {});

/** What an execution or step of this status exits with, unless its job has said otherwise. */
export const exitCodeOf = (status: BatchStatus): ExitCode => {
  if (status === 'COMPLETED' || status === 'STOPPED' || status === 'FAILED') return status;
  return isRunning(status) ? 'EXECUTING' : 'UNKNOWN';
};

/** Rank by badness, as in Spring Batch's `ExitStatus#and`; a job's own code ranks above them all. */
const severity = (code: ExitCode): number => {
  const rank = (EXIT_CODES as readonly string[]).indexOf(code);
  return rank === -1 ? EXIT_CODES.length : rank;
};

/** The worse of two exit codes; of two equally bad ones the first. */
export const worseExitCode = (a: ExitCode, b: ExitCode): ExitCode => (severity(b) > severity(a) ? b : a);
