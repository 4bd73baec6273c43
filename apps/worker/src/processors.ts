import { Processor, WorkerHost } from '@nestjs/bullmq';
import { Inject, type Type } from '@nestjs/common';
import type { Delivery, Outcome } from '#engine';
import type { Settings } from '#platform';
import { executionOf, partitionOf, QUEUE_KINDS, queueName, stepOf, workerOptions, type QueueKind } from '#queues';
import type { Job } from 'bullmq';
import { measured } from './metrics.js';
import type { ModuleEngine } from './module-engine.js';

/** Every module's engine, by module id. */
export const ENGINES = Symbol('engines');
export type Engines = ReadonlyMap<string, ModuleEngine>;

type Handler = (engine: ModuleEngine, job: Job, delivery: Delivery) => Promise<Outcome>;

/** What each queue's jobs are handled by. */
const HANDLERS: Record<QueueKind, Handler> = {
  executions: ({ controller }, job, delivery) => controller.control(executionOf(job.data), delivery),
  steps: ({ steps }, job, delivery) => steps.run(stepOf(job.data), delivery),
  partitions: ({ partitions }, job, delivery) => partitions.run(partitionOf(job.data), delivery),
};

/** Each queue has slots of its own: a job's code that takes long keeps nobody from being stopped or started. */
const concurrencyOf = (settings: Settings): Record<QueueKind, number> => ({
  executions: settings.CONTROL_CONCURRENCY,
  steps: settings.STEP_CONCURRENCY,
  partitions: settings.WORKER_CONCURRENCY,
});

/** A processor class for one queue of one module. Queue names are known only at run time, so the class is made here. */
function processorFor(moduleId: string, kind: QueueKind, settings: Settings): Type<WorkerHost> {
  const options = workerOptions({
    concurrency: concurrencyOf(settings)[kind],
    lockDurationMs: settings.LOCK_DURATION_MS,
    stalledIntervalMs: settings.STALLED_INTERVAL_MS,
    retryBackoffMs: settings.RETRY_BACKOFF_MS,
  });

  @Processor({ name: queueName(moduleId, kind) }, options)
  class ModuleProcessor extends WorkerHost {
    constructor(@Inject(ENGINES) private readonly engines: Engines) {
      super();
    }

    async process(job: Job, token?: string): Promise<void> {
      const engine = this.engines.get(moduleId);
      if (!engine) throw new Error(`There is no engine for module ${moduleId}.`);
      await engine.active.run(job, token, (delivery) =>
        measured(moduleId, kind, () => HANDLERS[kind](engine, job, delivery)),
      );
    }
  }
  return ModuleProcessor;
}

export interface ModuleProcessor {
  moduleId: string;
  kind: QueueKind;
  type: Type<WorkerHost>;
}

/** One processor for each queue of each module. */
export const processorsOf = (settings: Settings): ModuleProcessor[] =>
  settings.modules.flatMap(({ id }) =>
    QUEUE_KINDS.map((kind) => ({ moduleId: id, kind, type: processorFor(id, kind, settings) })),
  );
