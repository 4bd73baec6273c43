import type { Dispatcher, ExecutionRef, PartitionRef } from '#engine';
import type { JobsOptions, Queue } from 'bullmq';
import { controlPayload, partitionPayload } from './payload.js';

/**
 * Queues the work of one module. Job ids are deterministic, so adding what stands in the queue changes nothing; a
 * finished job leaves no trace, so that the same work can be queued again. Only a job whose failure is recorded with
 * its partition stays, for people to see.
 */
export class BullDispatcher implements Dispatcher {
  constructor(
    private readonly executions: Queue,
    private readonly partitionQueue: Queue,
  ) {}

  async control(execution: ExecutionRef, reason: string): Promise<void> {
    await this.executions.add('control', controlPayload(execution), optionsOf(`${execution.uuid}-${reason}`));
  }

  async partitions(refs: readonly PartitionRef[]): Promise<void> {
    const [only] = refs;
    if (only && refs.length === 1) {
      await this.partitionQueue.add('partition', partitionPayload(only), optionsOf(partitionJobId(only)));
    } else if (only) {
      await this.partitionQueue.addBulk(
        refs.map((ref) => ({ name: 'partition', data: partitionPayload(ref), opts: optionsOf(partitionJobId(ref)) })),
      );
    }
  }
}

/** Carries the attempt (the execution), since BullMQ ignores an id it still keeps; `:` is not allowed in ids. */
const partitionJobId = ({ uuid, step, partition }: PartitionRef): string => `${uuid}-${step}-${partition}`;

/**
 * BullMQ repeats for ever, with backoff: the engine decides when a fault is final and then records it. A job that
 * BullMQ gave up on by itself would leave its partition in flight with nobody to run it.
 */
const optionsOf = (jobId: string): JobsOptions => ({
  jobId,
  attempts: Number.MAX_SAFE_INTEGER,
  backoff: { type: 'custom' },
  removeOnComplete: true,
  removeOnFail: { count: 500 },
  // Each repeat would add its stack to the job, without end.
  stackTraceLimit: 3,
});
