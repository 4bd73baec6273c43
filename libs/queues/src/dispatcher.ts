import type { Dispatcher, ExecutionRef, QueuedExecution } from '#engine';
import type { JobsOptions, Queue } from 'bullmq';
import { controlPayload, partitionPayload, stepPayload } from './payload.js';

/**
 * Queues the work of one module. Job ids are deterministic, so adding what is in the queue changes nothing; a
 * finished job leaves no trace, so that the same work can be queued again. Only a job whose failure is recorded with
 * its partition stays, for people to see.
 */
export class BullDispatcher implements Dispatcher {
  constructor(private readonly queues: Readonly<Record<'executions' | 'steps' | 'partitions', Queue>>) {}

  async control(execution: ExecutionRef, reason: string): Promise<void> {
    await this.queues.executions.add('control', controlPayload(execution), optionsOf(`${execution.uuid}-${reason}`));
  }

  async step(execution: QueuedExecution, step: string): Promise<void> {
    await this.queues.steps.add('step', stepPayload(execution, step), optionsOf(`${execution.uuid}-${step}`));
  }

  async partitions(execution: QueuedExecution, step: string, partitions: readonly number[]): Promise<void> {
    const jobs = partitions.map((partition) => ({
      name: 'partition',
      data: partitionPayload(execution, step, partition),
      opts: optionsOf(partitionJobId(execution, step, partition)),
    }));
    const [only] = jobs;
    if (only && jobs.length === 1) await this.queues.partitions.add(only.name, only.data, only.opts);
    else if (only) await this.queues.partitions.addBulk(jobs);
  }
}

/** Carries the attempt (the execution), since BullMQ ignores an id it still keeps; `:` is not allowed in ids. */
const partitionJobId = ({ uuid }: ExecutionRef, step: string, partition: number): string =>
  `${uuid}-${step}-${partition}`;

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
