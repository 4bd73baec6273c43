import { Inject, Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyRequest } from 'fastify';
import type { Settings } from '#platform';
import { SETTINGS } from '../core.module.js';
import { Problem } from '../problem/problem.js';
import { Authenticator } from './authenticator.js';
import type { Caller } from './caller.js';
import { isCrossSite } from './cross-site.js';
import { holds, type Permission, type User } from './permissions.js';
import { RULE, type Rule } from './rules.js';

/** Lets in whom the route's rule names. A user without the permission learns nothing of what exists. */
@Injectable()
export class AuthGuard implements CanActivate {
  constructor(
    @Inject(Reflector) private readonly reflector: Reflector,
    @Inject(Authenticator) private readonly authenticator: Authenticator,
    @Inject(SETTINGS) private readonly settings: Settings,
  ) {}

  canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    const rule = this.reflector.get<Rule | undefined>(RULE, context.getHandler());
    if (rule === 'public') return true;
    if (rule === undefined) throw new Error(`Route ${context.getHandler().name} has no rule.`);
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const user = this.authenticator.authenticate(request.headers.authorization, request.ip);
    return user instanceof Promise ? user.then((u) => this.admit(u, rule, request)) : this.admit(user, rule, request);
  }

  private admit(user: User, permission: Permission, request: FastifyRequest): true {
    request.caller = { username: user.username, time: Date.now() } satisfies Caller;
    request.user = user;
    const { module_id: moduleId } = request.params as { module_id?: string };
    requirePermission(user, permission, moduleId);
    // Only now: what is refused here is recorded, and nobody without rights may fill the audit.
    if (isCrossSite(request, this.settings.ALLOWED_ORIGINS)) throw crossSite();
    return true;
  }
}

const crossSite = (): Problem =>
  new Problem(
    'CROSS_SITE_REQUEST',
    'A browser sent this for a page of another site. Use the pages of this gateway, or name the origin in ALLOWED_ORIGINS.',
  );

/** @throws Problem MISSING_PERMISSION, naming it */
export function requirePermission(user: User, permission: Permission, moduleId?: string): void {
  if (holds(user, permission, moduleId)) return;
  const where = moduleId === undefined ? '' : ` on module ${moduleId}`;
  throw new Problem('MISSING_PERMISSION', `This needs the permission ${permission}${where}.`);
}

/** @throws Problem MISSING_PERMISSION unless the user holds the permission on each of these modules */
export function requireEverywhere(user: User, permission: Permission, moduleIds: readonly string[]): void {
  if (moduleIds.every((moduleId) => holds(user, permission, moduleId))) return;
  throw new Problem('MISSING_PERMISSION', `This needs the permission ${permission} on every module.`);
}
