import { SkipLimitExceededError, type PartitionAttempt, type Rejection } from '#job-kit';
import type { ClientBase } from 'pg';

const KEEP = `
  INSERT INTO rejected_row (execution_uuid, step_name, partition, file, row_number, reason, excerpt)
  SELECT $1, $2, $3, * FROM unnest($4::text[], $5::bigint[], $6::text[], $7::text[])`;

/** Partitions that skip at the same time wait for each other here, so the sum is exact. */
const COUNT = `
  INSERT INTO step_skips AS mine VALUES ($1, $2, $3)
  ON CONFLICT (execution_uuid, step_name) DO UPDATE SET skip_count = mine.skip_count + excluded.skip_count
  RETURNING skip_count`;

/**
 * Keeps a chunk's rejections and counts them for the step. Comes last in the chunk's transaction: whoever holds the
 * step's counter needs no other lock any more, so no two chunks wait for each other in a circle.
 *
 * @throws SkipLimitExceededError naming the first rejection over the limit
 */
export async function keepRejections(
  client: ClientBase,
  attempt: PartitionAttempt,
  rejections: readonly Rejection[],
): Promise<void> {
  if (rejections.length === 0) return;
  const { executionUuid, stepName, partition, skipLimit } = attempt;
  await client.query(KEEP, [
    executionUuid,
    stepName,
    partition,
    rejections.map(({ where }) => where.file),
    rejections.map(({ where }) => where.row),
    rejections.map(({ reason }) => reason),
    rejections.map(({ excerpt }) => excerpt),
  ]);
  const { rows } = await client.query<{ skip_count: string }>(COUNT, [executionUuid, stepName, rejections.length]);
  const before = Number(rows[0]?.skip_count) - rejections.length;
  const firstOver = rejections[Math.max(0, skipLimit - before)];
  if (firstOver) throw new SkipLimitExceededError(skipLimit, firstOver);
}
