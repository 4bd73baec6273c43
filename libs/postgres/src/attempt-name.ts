import type { PartitionAttempt } from '#job-kit';
import { createHash } from 'node:crypto';
import type { ClientBase, Pool } from 'pg';

/**
 * What PostgreSQL knows an attempt's connection by: its `application_name`, at most 63 bytes, so that others can tell
 * whose backend holds a lock. The partition is hashed with its *instance*, as attempts of any execution succeed one another.
 */
export const attemptName = (attempt: PartitionAttempt): string =>
  `${ofExecution(attempt.executionUuid)}${partitionHash(attempt)}`;

const ofExecution = (executionUuid: string): string => `longshore:${executionUuid}:`;

const partitionHash = ({ instanceUuid, stepName, partition }: PartitionAttempt): string =>
  createHash('sha256').update(`${instanceUuid}/${stepName}/${partition}`).digest('hex').slice(0, 12);

const TERMINATE = `
  SELECT pg_terminate_backend(pid) FROM pg_stat_activity
  WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name LIKE $1`;

/** Ends the connections of every attempt of an execution, and with them their transactions and row locks. */
export async function terminateExecution(connection: ClientBase | Pool, executionUuid: string): Promise<void> {
  await connection.query(TERMINATE, [`${ofExecution(executionUuid)}%`]);
}

/** Ends the connections of every other attempt at the partition, of whatever execution. */
export async function terminateRivals(connection: ClientBase, attempt: PartitionAttempt): Promise<void> {
  await connection.query(TERMINATE, [`longshore:%:${partitionHash(attempt)}`]);
}
