import { TransientError, UnavailableError } from '#job-kit';
import { DatabaseError } from 'pg';

/*
 * SQLSTATEs (https://www.postgresql.org/docs/current/errcodes-appendix.html), by class (two characters) or by code.
 */

/**
 * Nobody can work with the database now: 08 connection lost, 57P01 to 57P03 shutdown, crash and start, 57P05 idle
 * session, 53300 no connection free, 3D000 no such database, as while it is being restored.
 */
const UNAVAILABLE = new Set(['08', '57P01', '57P02', '57P03', '57P05', '53300', '3D000']);

/**
 * May go away by itself: 40 serialization failure and deadlock, 53 out of resources (a full disk too), 57 the operator
 * intervened (a cancelled statement), 25006 a server that is still a standby, 25P03 and 25P04 a transaction took too
 * long, 55P03 a lock was not available in time.
 */
const TRANSIENT = new Set(['40', '53', '57', '25006', '25P03', '25P04', '55P03']);

/** Blames what was to be written: 22 data exceptions, 54 a limit such as the stack depth, 23514 a check constraint. */
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

/** What Node says of a network that failed; pg has no codes for its own such errors, only sentences. */
const NETWORK = /^(ECONN|EPIPE|ETIMEDOUT|EHOST|ENET|EAI_|ENOTFOUND)/;
const CONNECTION = /^Connection terminated|when trying to connect|connection timeout|not queryable/i;

const isConnectionLoss = (error: Error): boolean =>
  !isAnswered(error) && (NETWORK.test((error as NodeJS.ErrnoException).code ?? '') || CONNECTION.test(error.message));

/** `ALTER DATABASE … ALLOW_CONNECTIONS false`: the code is that of statements in the wrong state, too, which end no session. */
const isShut = (error: Error): boolean => isAnswered(error) && error.code === '55000' && error.severity === 'FATAL';

/** This process lacks files for a connection, an answer took too long, or the pool is being closed. */
const LOCAL = /^(EMFILE|ENFILE)$/;
const SLOW = /timeout|Cannot use a pool after/i;

const isPassing = (error: Error): boolean =>
  !isAnswered(error) && (LOCAL.test((error as NodeJS.ErrnoException).code ?? '') || SLOW.test(error.message));

/**
 * What a caller is to see of a failure: an {@link UnavailableError} if the database cannot be reached, another
 * {@link TransientError} where a repeat may help, else the error as it is. A connection lost in mid-commit is transient
 * too: the next attempt reads from the checkpoint whether the chunk was committed.
 */
export function classified(error: unknown): Error {
  const failure = error instanceof Error ? error : new Error(String(error));
  if (failure instanceof TransientError) return failure;
  if (listed(UNAVAILABLE, failure) || isShut(failure) || isConnectionLoss(failure))
    return new UnavailableError(failure);
  return listed(TRANSIENT, failure) || isPassing(failure) ? new TransientError(failure) : failure;
}

/** Rejects with {@link classified}. */
export const rethrow = (error: unknown): never => {
  throw classified(error);
};
