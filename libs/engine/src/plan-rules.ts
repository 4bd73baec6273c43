import type { Partition } from '#job-kit';
import { StepFailure } from './delivery.js';

/** Longest label of a partition, in characters. */
const LABEL_LENGTH = 200;
/** No control characters, and no half of a pair: it is a line of the plan, and a name for people. */
const LABEL = new RegExp(`^[^\\p{Cc}\\p{Cs}]{1,${LABEL_LENGTH}}$`, 'u');

/** Most partitions of a step: each takes about 450 bytes of Redis. */
export const MOST_PARTITIONS = 1_000_000;

/**
 * Holds a plan's next partitions to the rules.
 *
 * @param stored how many partitions the plan has before them
 * @throws StepFailure if one is no partition, or the plan goes on and on: a file of a megabyte may decompress to a
 *   thousand million rows
 */
export function assertPlannable(batch: readonly Partition[], stored: number): void {
  batch.forEach(assertPartition);
  if (stored + batch.length <= MOST_PARTITIONS) return;
  throw new StepFailure(`The plan has more than ${MOST_PARTITIONS} partitions. Start the job with larger ones.`);
}

function assertPartition({ label, rows }: Partition): void {
  const named = typeof label === 'string' && LABEL.test(label);
  if (named && Number.isSafeInteger(rows) && rows >= 0) return;
  throw new StepFailure(
    `The plan yielded a partition with the label ${JSON.stringify(label)} and ${rows} rows. A label has 1 to ${LABEL_LENGTH} printable characters; rows are a whole number, 0 or more.`,
  );
}
