import { Global, Inject, Module, type OnApplicationShutdown } from '@nestjs/common';
import { APP_GUARD, DiscoveryModule } from '@nestjs/core';
import { existsSync } from 'node:fs';
import type { Logger, Settings } from '#platform';
import { LOG, SETTINGS } from '../core.module.js';
import { AuthGuard } from './auth.guard.js';
import { Authenticator } from './authenticator.js';
import { DenyByDefault } from './deny-by-default.js';
import { LoginQueue } from './login-queue.js';
import { LoginThrottle, PACE_OF_NETWORK, PACE_OF_USER } from './login-throttle.js';
import { Users } from './users-file.js';
import { VerifiedLogins } from './verified-logins.js';

/** @throws Error that says how to make a users file */
function openUsers({ USERS_FILE: path }: Settings, log: Logger): Users {
  if (path && existsSync(path)) return new Users(path, log);
  throw new Error(
    `USERS_FILE ${path ? `names ${path}, which is not there` : 'is not set'}, and without users nobody could call. ` +
      'Add one: ' +
      'npm run users -- add NAME --permission VIEW_BATCH_JOBS --permission MANAGE_BATCH_JOBS --file PATH; ' +
      'then start with USERS_FILE=PATH.',
  );
}

/** Who may call what: a guard on every route, and a boot that fails where a route has no rule. */
@Global()
@Module({
  imports: [DiscoveryModule],
  providers: [
    { provide: Users, inject: [SETTINGS, LOG], useFactory: openUsers },
    {
      provide: Authenticator,
      inject: [Users, LOG],
      useFactory: (users: Users, log: Logger) =>
        new Authenticator(
          users,
          new VerifiedLogins(Date.now),
          new LoginQueue(new LoginThrottle(Date.now, PACE_OF_USER), new LoginThrottle(Date.now, PACE_OF_NETWORK)),
          log,
        ),
    },
    { provide: APP_GUARD, useClass: AuthGuard },
    DenyByDefault,
  ],
  exports: [Authenticator],
})
export class AuthModule implements OnApplicationShutdown {
  constructor(@Inject(Users) private readonly users: Users) {}

  onApplicationShutdown(): void {
    this.users.close();
  }
}
