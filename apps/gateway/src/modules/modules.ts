import { Global, Inject, Module, type OnApplicationShutdown } from '@nestjs/common';
import { LongshoreError } from '#domain';
import { JobOperator, type AuditLog, type ExecutionReader, type FleetReader, type JobOperations } from '#engine';
import type { JobRegistry } from '#job-kit';
import { openModule } from '#module';
import type { ModuleSettings } from '#platform';
import type { ModuleQueues } from '#queues';
import { barrierKey, RedisAuditLog, RedisFleetReader } from '#repository';
import { acknowledged, openDurability } from './acknowledged.js';
import { DirectoryProbe } from './directory-probe.js';
import { LOG, REDIS, SETTINGS, type Core } from '../core.module.js';
import { QUEUES, type QueuesByModule } from './queues.module.js';

/** What the gateway works with of one storage module. */
export interface ModuleServices {
  id: string;
  jobs: JobRegistry;
  reader: ExecutionReader;
  fleet: FleetReader;
  operations: JobOperations;
  audit: AuditLog;
  /** @throws LongshoreError UNKNOWN_JOB unless a job of this name is registered here */
  assertJob(jobName: string): void;
  /** How many jobs each of its queues has in these states. */
  queueCounts(states: readonly JobState[]): Promise<Record<string, Record<string, number>>>;
  /** Whether the Redis that holds it takes writes: in a cluster, the node of its keys. @throws with the reason */
  redisReady(): Promise<unknown>;
  /** How long ago a worker last looked for executions without progress, in ms; undefined if never. */
  lastSweepAge(): Promise<number | undefined>;
  /** Whether the file system of its import directory answers. @throws with the reason */
  importDirectoryReady(): Promise<unknown>;
  /** Whether its database answers. @throws with the reason */
  ready(): Promise<void>;
  /** Closes what was opened for this module alone; the shared Redis connection and the queues are not its own. */
  close(): Promise<void>;
}

/** What modules are opened with. */
export type ModuleParts = Core & { queues: QueuesByModule };

/** Puts together what the gateway needs of the engine, once for each module in the settings. */
export const openModules = (parts: ModuleParts): Promise<ModuleServices[]> =>
  Promise.all(parts.settings.modules.map((module) => openServices(parts, module)));

async function openServices(parts: ModuleParts, settings: ModuleSettings): Promise<ModuleServices> {
  const { redis, queues, log } = parts;
  const { KEY_PREFIX } = parts.settings;
  const durability = await openDurability(parts, settings.id);
  const moduleQueues = queues.get(settings.id)!;
  const module = openModule(parts.settings, settings, { redis, queues: moduleQueues, log, databaseConnections: 1 });
  const operations = new JobOperator(module);
  const probe = new DirectoryProbe(settings.importDirectory);
  return {
    id: module.id,
    jobs: module.jobs,
    reader: module.reader,
    fleet: new RedisFleetReader(redis, KEY_PREFIX, module.id),
    operations: durability ? acknowledged(operations, durability) : operations,
    audit: new RedisAuditLog(redis, KEY_PREFIX, module.id),
    assertJob: (jobName) => assertJob(module, jobName),
    queueCounts: (states) => countsOf(moduleQueues, states),
    redisReady: () => redis.set(barrierKey(KEY_PREFIX, module.id), ''),
    lastSweepAge: () => module.store.lastTurn('sweep'),
    importDirectoryReady: () => probe.ask(),
    ready: () => module.postgres.ping(),
    async close() {
      durability?.close();
      await module.close();
    },
  };
}

type JobState = 'wait' | 'active' | 'delayed' | 'failed';

async function countsOf(queues: ModuleQueues, states: readonly JobState[]) {
  const counts = Object.entries(queues).map(async ([kind, queue]) => [kind, await queue.getJobCounts(...states)]);
  return Object.fromEntries(await Promise.all(counts)) as Record<string, Record<string, number>>;
}

/** The modules by id. */
export class Modules {
  private readonly byId: ReadonlyMap<string, ModuleServices>;

  constructor(readonly all: readonly ModuleServices[]) {
    this.byId = new Map(all.map((services) => [services.id, services]));
  }

  find(id: string): ModuleServices | undefined {
    return this.byId.get(id);
  }

  /** @throws LongshoreError UNKNOWN_MODULE */
  get(id: string): ModuleServices {
    const services = this.find(id);
    if (!services) throw new LongshoreError('UNKNOWN_MODULE', `Module ${id} is unknown here.`);
    return services;
  }

  /** @throws LongshoreError UNKNOWN_MODULE, UNKNOWN_JOB */
  withJob(id: string, jobName: string): ModuleServices {
    const services = this.get(id);
    services.assertJob(jobName);
    return services;
  }
}

function assertJob({ id, jobs }: Pick<ModuleServices, 'id' | 'jobs'>, jobName: string): void {
  if (jobs.find(jobName)) return;
  throw new LongshoreError(
    'UNKNOWN_JOB',
    `Job ${jobName} is unknown in module ${id}. Its jobs: ${jobs.names.join(', ')}.`,
  );
}

@Global()
@Module({
  providers: [
    {
      provide: Modules,
      inject: [SETTINGS, LOG, REDIS, QUEUES],
      useFactory: async (
        settings: Core['settings'],
        log: Core['log'],
        redis: Core['redis'],
        queues: QueuesByModule,
      ): Promise<Modules> => new Modules(await openModules({ settings, log, redis, queues })),
    },
  ],
  exports: [Modules],
})
export class ModulesModule implements OnApplicationShutdown {
  constructor(@Inject(Modules) private readonly modules: Modules) {}

  async onApplicationShutdown(): Promise<void> {
    await Promise.all(this.modules.all.map((services) => services.close()));
  }
}
