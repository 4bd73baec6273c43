import {
  Controller,
  PartitionRunner,
  StepRunner,
  type ControllerParts,
  type Delivery,
  type Outcome,
  type PartitionRunnerParts,
  type StepRunnerParts,
} from '#engine';
import type { SinkSession } from '#job-kit';
import { ActiveWork, executionOf, partitionOf, stepOf, type QueueKind } from '#queues';
import type { Job } from 'bullmq';
import type { Item } from './jobs.js';
import type { Life } from './life.js';

/** A worker in the middle of its work. */
export interface Sleeper {
  life: Life;
  work: Promise<void>;
  /** What it holds open in the database. */
  sessions: SinkSession<Item>[];
}

/** What never decides anything here: tries and deaths are not counted, and nobody asks a step whether to go on. */
const LIMITS = { maxTries: 1_000, maxAttempts: 1_000, window: 2, watchMs: 600_000 };

type Parts = Omit<ControllerParts & StepRunnerParts & PartitionRunnerParts, keyof typeof LIMITS>;

const HANDLERS: Record<QueueKind, (parts: Parts & typeof LIMITS, job: Job, delivery: Delivery) => Promise<Outcome>> = {
  executions: (parts, job, delivery) => new Controller(parts).control(executionOf(job.data), delivery),
  steps: (parts, job, delivery) => new StepRunner(parts).run(stepOf(job.data), delivery),
  partitions: (parts, job, delivery) => new PartitionRunner(parts).run(partitionOf(job.data), delivery),
};

/** What a worker process does with one delivery. */
export async function workOn(kind: QueueKind, job: Job, token: string, life: Life, parts: Parts): Promise<void> {
  try {
    await new ActiveWork(parts.log).run(job, token, (delivery) =>
      HANDLERS[kind]({ ...parts, ...LIMITS }, job, delivery),
    );
    await life.spend(() => job.moveToCompleted(undefined, token, false));
  } catch (error) {
    // One that has lost its lock, or has handed the job back, is told so here, and nobody minds.
    await job.moveToFailed(error as Error, token, false).catch(() => undefined);
  }
}
