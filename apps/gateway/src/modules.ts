import { Global, Inject, Module, type OnApplicationShutdown } from '@nestjs/common';
import { LongshoreError } from '#domain';
import { JobOperator, type AuditLog, type ExecutionReader, type JobOperations } from '#engine';
import { openFhirStore } from '#fhir-store';
import type { JobRegistry } from '#job-kit';
import { jobsOf } from '#jobs';
import type { ModuleSettings } from '#platform';
import { BullDispatcher, RedisCancelChannel } from '#queues';
import { keyRoot, RedisAuditLog, RedisExecutionReader, RedisExecutionStore } from '#repository';
import { randomUUID } from 'node:crypto';
import { acknowledged, openDurability } from './acknowledged.js';
import { LOG, REDIS, SETTINGS, type Core } from './core.module.js';
import { QUEUES, type QueuesByModule } from './dashboard/queues.module.js';

/** What the gateway works with of one storage module. */
export interface ModuleServices {
  id: string;
  jobs: JobRegistry;
  reader: ExecutionReader;
  operations: JobOperations;
  audit: AuditLog;
  /** Whether the Redis that holds it answers: in a cluster, the node of its keys. @throws with the reason */
  redisReady(): Promise<unknown>;
  /** Whether its database answers. @throws with the reason */
  ready(): Promise<void>;
  /** Closes what was opened for this module alone; the shared Redis connection and the queues are not its own. */
  close(): Promise<void>;
}

/** What modules are opened with. */
export type ModuleParts = Core & { queues: QueuesByModule };

/** Puts together what the gateway needs of the engine, once for each module in the settings. */
export const openModules = (parts: ModuleParts): Promise<ModuleServices[]> =>
  Promise.all(parts.settings.modules.map((module) => openModule(parts, module)));

async function openModule(parts: ModuleParts, module: ModuleSettings): Promise<ModuleServices> {
  const { settings, log, redis, queues } = parts;
  const durability = await openDurability(parts, module.id);
  const database = openFhirStore({ databaseUrl: module.databaseUrl, maxConnections: 1, log });
  const jobs = jobsOf({
    importDirectory: module.importDirectory,
    store: database,
    maxLineBytes: settings.MAX_LINE_BYTES,
  });
  const { executions, partitions } = queues.get(module.id)!;
  const operations = new JobOperator({
    jobs,
    store: new RedisExecutionStore(redis, settings.KEY_PREFIX, module.id),
    dispatcher: new BullDispatcher(executions, partitions),
    gates: database.gates,
    ledger: database.ledger,
    cancel: new RedisCancelChannel(redis, settings.KEY_PREFIX, module.id),
    ambient: { now: Date.now, uuid: randomUUID },
    log,
  });
  return {
    id: module.id,
    jobs,
    reader: new RedisExecutionReader(redis, settings.KEY_PREFIX, module.id),
    operations: durability ? acknowledged(operations, durability) : operations,
    audit: new RedisAuditLog(redis, settings.KEY_PREFIX, module.id),
    redisReady: () => redis.exists(keyRoot(settings.KEY_PREFIX, module.id)),
    ready: () => database.ping(),
    async close() {
      durability?.close();
      await database.close();
    },
  };
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
    if (!services.jobs.find(jobName)) {
      throw new LongshoreError(
        'UNKNOWN_JOB',
        `Job ${jobName} is unknown in module ${id}. Its jobs: ${services.jobs.names.join(', ')}.`,
      );
    }
    return services;
  }
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
