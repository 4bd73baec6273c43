import type { WorkerHost } from '@nestjs/bullmq';
import {
  Inject,
  Injectable,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { duplicateOf, measureProcess, type RedisClient } from '#platform';
import { onCancel } from '#queues';
import type { Worker } from 'bullmq';
import type { Server } from 'node:http';
import { AbandonedWatch } from './abandoned-watch.js';
import { ClockWatch } from './clock-watch.js';
import { serveHealth, type WorkerHealth } from './health-server.js';
import { Heartbeat } from './heartbeat.js';
import { measureClock } from './metrics.js';
import type { ModuleEngine, WorkerParts } from './module-engine.js';
import { ModuleStarts } from './module-starts.js';
import { Presence } from './presence.js';
import { ENGINES, type Engines, type ModuleProcessor } from './processors.js';

export const WORKER_PARTS = Symbol('worker parts');
export const PROCESSORS = Symbol('processors');

/**
 * The life of a worker process: each module's schema up to date, then its work; on shutdown take no more, hand work back at the next
 * chunk boundary, leave within the deadline. Connections are closed last.
 */
@Injectable()
export class WorkerLifecycle implements OnApplicationBootstrap, BeforeApplicationShutdown, OnApplicationShutdown {
  readonly #heartbeat: Heartbeat;
  readonly #clock: ClockWatch;
  readonly #abandoned: AbandonedWatch;
  readonly #presence = new Presence();
  readonly #subscriptions: RedisClient[] = [];
  readonly #starts: ModuleStarts;
  /** The processors of the modules that are served so far. */
  readonly #running: ModuleProcessor[] = [];
  #health: Server | undefined;

  constructor(
    @Inject(WORKER_PARTS) private readonly parts: WorkerParts,
    @Inject(PROCESSORS) private readonly processors: readonly ModuleProcessor[],
    @Inject(ENGINES) private readonly engines: Engines,
    @Inject(ModuleRef) private readonly moduleRef: ModuleRef,
  ) {
    this.#heartbeat = new Heartbeat(parts.log);
    const modules = [...engines].map(([id, engine]) => ({ id, open: () => this.#open(engine) }));
    this.#starts = new ModuleStarts(modules, parts.log);
    this.#abandoned = new AbandonedWatch({
      log: parts.log,
      limitMs: parts.settings.ABANDONED_LIMIT_MS,
      replace: leaveWithAnError,
    });
    this.#clock = new ClockWatch({ ...parts, refuse: (refused) => this.#takeWork(!refused) });
  }

  async onApplicationBootstrap(): Promise<void> {
    const { settings, log } = this.parts;
    this.#heartbeat.start();
    measureProcess();
    measureClock(() => this.#clock.skewMs);
    const { HEALTH_PORT, HOST } = settings;
    if (HEALTH_PORT !== undefined) this.#health = await serveHealth(HEALTH_PORT, HOST, log, () => this.#healthOf());
    // Before any work is taken: a wrong clock would delay it for others, too.
    await this.#clock.start();
    await this.#starts.begin();
    this.#abandoned.start();
  }

  async beforeApplicationShutdown(signal?: string): Promise<void> {
    const { log, settings } = this.parts;
    log.info('Worker is leaving: work in hand goes back at the next chunk boundary', { signal });
    const engines = [...this.engines.values()];
    this.#clock.stop();
    this.#abandoned.stop();
    this.#starts.end();
    // Not awaited: where Redis is unavailable it would hold the worker, which then counts as living for 15 s more.
    void this.#presence.stop();
    for (const { active, maintenance } of engines) {
      maintenance.stop();
      active.drain();
    }
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
    this.#health?.close();
    for (const redis of this.#subscriptions) redis.disconnect();
    const closed = Promise.all([...this.engines.values()].map(({ module }) => module.close()));
    await settlesWithin(closed, CLOSING_MS);
    this.parts.log.info('Worker has left');
  }

  /** May be called again where the database was unavailable: nothing else is begun before it has answered. */
  async #open(engine: ModuleEngine): Promise<void> {
    await engine.module.fhir.migrate();
    await this.#listen(engine);
    for (const processor of this.processors.filter(({ moduleId }) => moduleId === engine.module.id)) {
      this.#run(processor);
    }
    engine.maintenance.start();
    await this.#presence.join(engine.presence);
  }

  /** A worker whose clock is wrong would park delayed work for others, too. What it has in hand it ends. */
  #takeWork(take: boolean): void {
    void this.#presence.takesWork(take);
    for (const worker of this.#workers()) {
      if (take) worker.resume();
      else void worker.pause(true).catch(() => undefined);
    }
  }

  async #healthOf(): Promise<WorkerHealth> {
    await this.parts.redis.ping();
    const asked = [...this.engines].map(async ([id, { module }]) => [id, await stateOf(module.postgres.ping())]);
    const modules = Object.fromEntries(await Promise.all(asked)) as Record<string, string>;
    const workers = this.#workers();
    const running = workers.length > 0 && workers.every((worker) => worker.isRunning() && !worker.isPaused());
    const ready = running && Object.values(modules).includes('ok');
    const sweeps = [...this.engines].map(async ([id, { module }]) => [
      id,
      (await module.store.lastTurn('sweep')) ?? null,
    ]);
    const lastSweepAgeMs = Object.fromEntries(await Promise.all(sweeps)) as Record<string, number | null>;
    return { ready, modules, clockSkewMs: this.#clock.skewMs ?? null, lastSweepAgeMs };
  }

  #workers(): Worker[] {
    return this.#running.map(({ type }) => this.moduleRef.get<WorkerHost>(type).worker);
  }

  #run(processor: ModuleProcessor): void {
    const { moduleId, kind, type } = processor;
    this.#running.push(processor);
    const { worker } = this.moduleRef.get<WorkerHost>(type);
    const log = this.parts.log.with({ module: moduleId, queue: kind });
    const engine = this.engines.get(moduleId);
    worker.on('error', (error) => log.warn('Queue error', { reason: error.message }));
    worker.on('failed', (job, error) => log.warn('Job failed', { jobId: job?.id, reason: error.message }));
    worker.on('lockRenewalFailed', (jobIds) => engine?.active.lockLost(jobIds));
    if (this.#clock.refused) void worker.pause(true).catch(() => undefined);
    else worker.run().catch((error: unknown) => log.error('Queue consumer ended', { reason: String(error) }));
  }

  /** Stops reach busy attempts by pub/sub. */
  async #listen({ module, active }: ModuleEngine): Promise<void> {
    const subscription = duplicateOf(this.parts.redis);
    subscription.on('error', () => undefined); // The shared connection reports outages.
    this.#subscriptions.push(subscription);
    await onCancel(subscription, this.parts.settings.KEY_PREFIX, module.id, (uuid, how) => active.cancel(uuid, how));
  }
}

/** In order, as at SIGTERM, and so that a supervisor that starts only failed processes again starts this one. */
function leaveWithAnError(): void {
  process.once('exit', () => {
    process.exitCode = 1;
  });
  process.kill(process.pid, 'SIGTERM');
}

const stateOf = (ping: Promise<void>): Promise<string> =>
  ping.then(
    () => 'ok',
    (error: Error) => error.message,
  );

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
