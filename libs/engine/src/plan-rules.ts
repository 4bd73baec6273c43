import type { Partition } from '#job-kit';
import { storable } from './border.js';
import { StepFailure } from './job-code.js';
import { LIMITS } from './limits.js';

/** Longest label of a partition, in characters. */
const LABEL_LENGTH = 200;
/** No control characters, and no half of a pair: it is a line of the plan, and a name for people. */
const LABEL = new RegExp(`^[^\\p{Cc}\\p{Cs}]{1,${LABEL_LENGTH}}$`, 'u');

/** Most partitions of a step: each takes about 450 bytes of Redis. */
export const MOST_PARTITIONS = 1_000_000;

/** Holds the partitions of one plan to the rules, in order. */
export class PlanRules {
  readonly #labels = new Set<string>();

  constructor(private readonly step: string) {}

  /**
   * @throws StepFailure if a partition cannot be stored, has the label of another one, or the plan goes on and on: a file of
   *   a megabyte may decompress to a thousand million rows
   */
  check(partition: Partition): void {
    assertPartition(this.step, partition);
    if (this.#labels.has(partition.label)) {
      throw new StepFailure(
        `The plan of ${this.step} has two partitions labelled ${JSON.stringify(partition.label)}. A label names one.`,
      );
    }
    this.#labels.add(partition.label);
    if (this.#labels.size <= MOST_PARTITIONS) return;
    throw new StepFailure(
      `The plan of ${this.step} has more than ${MOST_PARTITIONS} partitions. Start the job with larger ones.`,
    );
  }
}

function assertPartition(step: string, partition: Partition): void {
  const { label, rows, data } = (partition as Partition | undefined) ?? ({} as Partial<Partition>);
  if (typeof label !== 'string' || !LABEL.test(label) || !Number.isSafeInteger(rows) || (rows as number) < 0) {
    throw new StepFailure(
      `The plan of ${step} yielded a partition with the label ${JSON.stringify(label)} and ${rows} rows. A label has 1 to ${LABEL_LENGTH} printable characters; rows are a whole number, 0 or more.`,
    );
  }
  storable(`The data of partition ${JSON.stringify(label)} of ${step}`, data, LIMITS.partitionData);
}
