import { Module, type DynamicModule } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { AuthModule } from './auth/auth.module.js';
import { BatchJobModule } from './batch-job/batch-job.module.js';
import { CoreModule, type Core } from './core.module.js';
import { QueuesModule } from './dashboard/queues.module.js';
import { HealthModule } from './health/health.module.js';
import { ModulesModule } from './modules.js';
import { ProblemFilter } from './problem.filter.js';

/** The whole gateway. */
@Module({})
export class GatewayModule {
  static with(core: Core): DynamicModule {
    return {
      module: GatewayModule,
      imports: [
        CoreModule.with(core),
        AuthModule,
        QueuesModule.with(core),
        ModulesModule,
        BatchJobModule,
        HealthModule,
      ],
      providers: [{ provide: APP_FILTER, useClass: ProblemFilter }],
    };
  }
}
