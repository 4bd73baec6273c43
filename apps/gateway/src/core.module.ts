import { Global, Inject, Module, type DynamicModule, type OnApplicationShutdown } from '@nestjs/common';
import type { Logger, RedisClient, Settings } from '#platform';

export const SETTINGS = Symbol('settings');
export const LOG = Symbol('log');
export const REDIS = Symbol('redis');

/** What `main.ts` opens before Nest comes up. */
export interface Core {
  settings: Settings;
  log: Logger;
  /** The one connection that the whole gateway shares; profile `failFast`. */
  redis: RedisClient;
}

/** Settings, log and Redis for every module. Nest shuts global modules down last, so the connection outlives its users. */
@Global()
@Module({})
export class CoreModule implements OnApplicationShutdown {
  constructor(@Inject(REDIS) private readonly redis: RedisClient) {}

  static with({ settings, log, redis }: Core): DynamicModule {
    const providers = [
      { provide: SETTINGS, useValue: settings },
      { provide: LOG, useValue: log },
      { provide: REDIS, useValue: redis },
    ];
    return { module: CoreModule, providers, exports: providers };
  }

  onApplicationShutdown(): void {
    this.redis.disconnect();
  }
}
