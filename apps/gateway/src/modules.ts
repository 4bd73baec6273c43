import { Global, Inject, Module, type OnApplicationShutdown } from '@nestjs/common';
import { LongshoreError } from '#domain';
import type { ExecutionReader, JobOperations } from '#engine';
import type { JobRegistry } from '#job-kit';
import { LOG, REDIS, SETTINGS, type Core } from './core.module.js';
import { QUEUES, type QueuesByModule } from './dashboard/queues.module.js';

/** What the gateway works with of one storage module. */
export interface ModuleServices {
  id: string;
  jobs: JobRegistry;
  reader: ExecutionReader;
  operations: JobOperations;
  /** Whether its database answers. @throws with the reason */
  ready(): Promise<void>;
  /** Closes what was opened for this module alone; the shared Redis connection and the queues are not its own. */
  close(): Promise<void>;
}

/** What modules are opened with. */
export type ModuleParts = Core & { queues: QueuesByModule };

/** Puts the engine together, once for each module in the settings. */
export async function openModules(_parts: ModuleParts): Promise<ModuleServices[]> {
  // The engine is composed here.
  throw new Error('no engine is composed in modules.ts yet');
}

/** The modules by id. */
export class Modules {
  private readonly byId: ReadonlyMap<string, ModuleServices>;

  constructor(readonly all: readonly ModuleServices[]) {
    this.byId = new Map(all.map((services) => [services.id, services]));
  }

  /** @throws LongshoreError UNKNOWN_MODULE */
  get(id: string): ModuleServices {
    const services = this.byId.get(id);
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
