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

  async control(execution: ExecutionRef, reason: string, thorough = false): Promise<void> {
    const job = { name: 'control', data: controlPayload(execution), opts: optionsOf(`${execution.uuid}-${reason}`) };
    await add(this.queues.executions, [job], thorough);
  }

  async step(execution: QueuedExecution, step: string, thorough = false): Promise<void> {
    const job = { name: 'step', data: stepPayload(execution, step), opts: optionsOf(`${execution.uuid}-${step}`) };
    await add(this.queues.steps, [job], thorough);
  }

  async partitions(
    execution: QueuedExecution,
    step: string,
    partitions: readonly number[],
    thorough = false,
  ): Promise<void> {
    const jobs = partitions.map((partition) => ({
      name: 'partition',
      data: partitionPayload(execution, step, partition),
      opts: optionsOf(partitionJobId(execution, step, partition)),
    }));
    await add(this.queues.partitions, jobs, thorough);
  }
}

interface NewJob {
  name: string;
  data: object;
  opts: JobsOptions & { jobId: string };
}

async function add(queue: Queue, jobs: readonly NewJob[], thorough: boolean): Promise<void> {
  if (thorough) await Promise.all(jobs.map(({ opts }) => forgetIfLost(queue, opts.jobId)));
  const [only] = jobs;
  if (only && jobs.length === 1) await queue.add(only.name, only.data, only.opts);
  else if (only) await queue.addBulk([...jobs]);
}

/**
 * A job whose hash is there and which is in none of the queue's lists (they were lost, the hash was not) is never
 * delivered, and BullMQ does not add another one of its id. So it is removed, unless a worker still has it in hand.
 */
async function forgetIfLost(queue: Queue, jobId: string): Promise<void> {
  if ((await queue.getJobState(jobId)) !== 'unknown') return;
  await queue.remove(jobId);
}

/** Carries the attempt (the execution), since BullMQ ignores an id it still keeps; `:` is not allowed in ids. */
const partitionJobId = ({ uuid }: ExecutionRef, step: string, partition: number): string =>
  `${uuid}-${step}-${partition}`;

/**
 * BullMQ repeats for ever, with backoff: the engine decides when a fault is final and then records it. A job that
 * BullMQ gave up on by itself would leave its partition in flight with nobody to run it.
 */
const optionsOf = (jobId: string): NewJob['opts'] => ({
  jobId,
  attempts: Number.MAX_SAFE_INTEGER,
  backoff: { type: 'custom' },
  removeOnComplete: true,
  removeOnFail: { count: 500 },
  // Each repeat would add its stack to the job, without end.
  stackTraceLimit: 3,
});
