import { TransientError } from '#job-kit';
import { DatabaseError } from 'pg';

/**
 * SQLSTATEs (https://www.postgresql.org/docs/current/errcodes-appendix.html) that may go away by themselves: by class
 * (two characters) or by code. 08 connection lost, 40 serialization failure and deadlock, 53 out of resources (a full
 * disk too), 57 the operator intervened (shutdown, terminated backend, cancelled statement), 25006 a server that is a standby (yet),
 * 25P03 and 25P04 a transaction took too long, 55P03 a lock was not to be had in time.
 */
const TRANSIENT = new Set(['08', '40', '53', '57', '25006', '25P03', '25P04', '55P03']);

/** SQLSTATEs that blame what was to be written: 22 data exceptions, 54 a limit such as the stack depth, 23514 a check constraint. */
const DATA = new Set(['22', '54', '23514']);

const listed = (codes: ReadonlySet<string>, error: unknown): boolean =>
  isAnswered(error) && error.code !== undefined && (codes.has(error.code) || codes.has(error.code.slice(0, 2)));

/** Whether the server answered: the connection is in order, whatever became of the statement. */
export const isAnswered = (error: unknown): error is DatabaseError => error instanceof DatabaseError;

/** Whether the database refused the data itself, so that a repeat of the same rows is refused again. */
export const isDataError = (error: unknown): error is DatabaseError => listed(DATA, error);

/** Whether the wait for a row lock was cut short by `lock_timeout`. */
export const isLockTimeout = (error: unknown): boolean => isAnswered(error) && error.code === '55P03';

/** Whether the schema has not been made yet. */
export const isMissingTable = (error: unknown): boolean => isAnswered(error) && error.code === '42P01';

/** What Node says of a network that failed; pg has no codes for its own such errors, only these sentences. */
const NETWORK = /^(ECONN|EPIPE|ETIMEDOUT|EHOST|ENET|EAI_|ENOTFOUND|EMFILE|ENFILE)/;
const CLIENT = /^Connection terminated|timeout|not queryable|Cannot use a pool after/i;

const isNetworkError = (error: Error): boolean =>
  !isAnswered(error) && (NETWORK.test((error as NodeJS.ErrnoException).code ?? '') || CLIENT.test(error.message));

/**
 * What a caller is to see of a failure: a {@link TransientError} where a repeat may help, else the error as it is.
 * A connection lost in mid-commit is transient too: whether the chunk was committed, the next attempt reads from the checkpoint.
 */
export function classified(error: unknown): Error {
  const failure = error instanceof Error ? error : new Error(String(error));
  return listed(TRANSIENT, failure) || isNetworkError(failure) ? new TransientError(failure) : failure;
}
