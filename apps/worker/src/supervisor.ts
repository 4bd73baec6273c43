import { getQueueToken, type WorkerHost } from '@nestjs/bullmq';
import {
  Inject,
  Injectable,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { duplicateOf, onRedisReady, type RedisClient } from '#platform';
import { onCancel, queueName } from '#queues';
import type { Queue, Worker } from 'bullmq';
import { Heartbeat } from './heartbeat.js';
import type { ModuleEngine, WorkerParts } from './module-engine.js';
import { ENGINES, type Engines, type MaintenanceTask, type ModuleProcessor } from './processors.js';

export const WORKER_PARTS = Symbol('worker parts');
export const PROCESSORS = Symbol('processors');

/**
 * The life of a worker process: schema up to date, then work; on shutdown take no more, hand work back at the next
 * chunk boundary, leave within the deadline. Connections are closed last.
 */
@Injectable()
export class Supervisor implements OnApplicationBootstrap, BeforeApplicationShutdown, OnApplicationShutdown {
  readonly #heartbeat: Heartbeat;
  readonly #subscriptions: RedisClient[] = [];

  constructor(
    @Inject(WORKER_PARTS) private readonly parts: WorkerParts,
    @Inject(PROCESSORS) private readonly processors: readonly ModuleProcessor[],
    @Inject(ENGINES) private readonly engines: Engines,
    @Inject(ModuleRef) private readonly moduleRef: ModuleRef,
  ) {
    this.#heartbeat = new Heartbeat(parts.redis);
  }

  async onApplicationBootstrap(): Promise<void> {
    for (const engine of this.engines.values()) {
      await engine.database.migrate();
      await this.#listen(engine);
      await this.#scheduleMaintenance(engine.id);
    }
    for (const processor of this.processors) this.#run(processor);
    this.#heartbeat.start();
    this.parts.log.info('Worker is ready', { pid: process.pid, modules: [...this.engines.keys()] });
  }

  async beforeApplicationShutdown(signal?: string): Promise<void> {
    const { log, settings } = this.parts;
    log.info('Worker is leaving: work in hand goes back at the next chunk boundary', { signal });
    const engines = [...this.engines.values()];
    for (const { active } of engines) active.drain();
    const left = Promise.all(this.#workers().map((worker) => worker.close()));
    if (await settlesWithin(left, settings.SHUTDOWN_DEADLINE_MS)) return;
    log.warn('Deadline reached: leaving work in hand to the next worker');
    for (const { active } of engines) active.abandonAll();
    if (await settlesWithin(left, CLOSING_MS)) return;
    // An attempt that hangs in a statement keeps BullMQ's workers from closing, and Nest waits for these: no further
    // call of close() changes that. Its lock lapses, and its fence keeps it from committing.
    log.warn('An attempt does not leave; ending the process under it');
    this.#heartbeat.stop();
    process.exit(1);
  }

  async onApplicationShutdown(): Promise<void> {
    this.#heartbeat.stop();
    for (const redis of this.#subscriptions) redis.disconnect();
    const closed = Promise.all([...this.engines.values()].map(({ database }) => database.close()));
    await settlesWithin(closed, CLOSING_MS);
    this.parts.log.info('Worker has left');
  }

  #workers(): Worker[] {
    return this.processors.map(({ type }) => this.moduleRef.get<WorkerHost>(type).worker);
  }

  #run({ moduleId, kind, type }: ModuleProcessor): void {
    const { worker } = this.moduleRef.get<WorkerHost>(type);
    const log = this.parts.log.with({ module: moduleId, queue: kind });
    const engine = this.engines.get(moduleId);
    worker.on('error', (error) => log.warn('Queue error', { reason: error.message }));
    worker.on('failed', (job, error) => log.warn('Job failed', { jobId: job?.id, reason: error.message }));
    worker.on('lockRenewalFailed', (jobIds) => engine?.active.lockLost(jobIds));
    worker.run().catch((error: unknown) => log.error('Queue consumer ended', { reason: String(error) }));
  }

  /** Force stops reach busy attempts by pub/sub. */
  async #listen({ id, active }: ModuleEngine): Promise<void> {
    const subscription = duplicateOf(this.parts.redis);
    subscription.on('error', () => undefined); // The shared connection tells of outages.
    this.#subscriptions.push(subscription);
    await onCancel(subscription, this.parts.settings.KEY_PREFIX, id, (uuid) => active.cancel(uuid));
  }

  /** One sweep at a time in the whole fleet. Set again after each outage, in case Redis lost it. */
  async #scheduleMaintenance(moduleId: string): Promise<void> {
    const { settings, redis, log } = this.parts;
    const queue = this.moduleRef.get<Queue>(getQueueToken(queueName(moduleId, 'maintenance')), { strict: false });
    const opts = { removeOnComplete: true, removeOnFail: { count: 20 } };
    const tasks: Record<MaintenanceTask, number> = {
      sweep: settings.SWEEP_INTERVAL_MS,
      'look-at-all': settings.SWEEP_INTERVAL_MS * SWEEPS_BETWEEN_LOOKS,
      retention: settings.RETENTION_INTERVAL_MS,
    };
    const schedule = async (): Promise<void> => {
      for (const [name, every] of Object.entries(tasks))
        await queue.upsertJobScheduler(name, { every }, { name, opts });
    };
    await schedule();
    onRedisReady(redis, () => {
      schedule().catch((error: unknown) => log.warn('Maintenance not scheduled', { reason: String(error) }));
    });
  }
}

/** How many sweeps for silent executions there are to one look at all that run. */
const SWEEPS_BETWEEN_LOOKS = 12;

/** How long connections have to close, in ms. */
const CLOSING_MS = 2_000;

/** Whether the work ends in time; a failure counts as an end. */
async function settlesWithin(work: Promise<unknown>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  const settled = work.then(
    () => true,
    () => true,
  );
  return Promise.race([settled, deadline]).finally(() => clearTimeout(timer));
}
