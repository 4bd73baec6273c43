import { Processor, WorkerHost } from '@nestjs/bullmq';
import { Inject, type Type } from '@nestjs/common';
import type { Settings } from '#platform';
import { executionOf, partitionOf, QUEUE_KINDS, queueName, workerOptions, type QueueKind } from '#queues';
import type { Job } from 'bullmq';
import type { ModuleEngine } from './module-engine.js';

/** Every module's engine, by module id. */
export const ENGINES = Symbol('engines');
export type Engines = ReadonlyMap<string, ModuleEngine>;

type Handler = (engine: ModuleEngine, job: Job, token: string | undefined) => Promise<void>;

/** What each queue's jobs are handled by. */
const HANDLERS: Record<QueueKind, Handler> = {
  executions: ({ active, controller }, job, token) =>
    active.run(job, token, (delivery) => controller.control(executionOf(job.data), delivery)),
  partitions: ({ active, partitions }, job, token) =>
    active.run(job, token, (delivery) => partitions.run(partitionOf(job.data), delivery)),
  maintenance: (engine, job) => MAINTENANCE[job.name as MaintenanceTask](engine),
};

/** What the maintenance queue's schedulers ask for, by name. */
const MAINTENANCE = {
  sweep: ({ recovery }: ModuleEngine) => recovery.sweep(),
  'look-at-all': ({ recovery }: ModuleEngine) => recovery.sweep(0),
  retention: ({ retention }: ModuleEngine) => retention.run(),
};
export type MaintenanceTask = keyof typeof MAINTENANCE;

const concurrencyOf = (settings: Settings): Record<QueueKind, number> => ({
  executions: settings.CONTROL_CONCURRENCY,
  partitions: settings.WORKER_CONCURRENCY,
  // Retention may take long, and a sweep must not wait for it.
  maintenance: 2,
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
      await HANDLERS[kind](engine, job, token);
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
