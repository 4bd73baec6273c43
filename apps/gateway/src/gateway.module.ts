import { Module, type DynamicModule } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { AuditModule } from './audit/audit.module.js';
import { AuthModule } from './auth/auth.module.js';
import { ExecutionsModule } from './executions/executions.module.js';
import { CoreModule, type Core } from './core.module.js';
import { QueuesModule } from './modules/queues.module.js';
import { HealthModule } from './health/health.module.js';
import { MetricsModule } from './metrics/metrics.module.js';
import { ModulesModule } from './modules/modules.js';
import { ProblemFilter } from './problem/problem.filter.js';

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
        AuditModule,
        ExecutionsModule,
        HealthModule,
        MetricsModule,
      ],
      providers: [{ provide: APP_FILTER, useClass: ProblemFilter }],
    };
  }
}
