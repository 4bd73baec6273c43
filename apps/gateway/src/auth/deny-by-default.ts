import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { DiscoveryService, MetadataScanner, Reflector } from '@nestjs/core';
import { RULE } from './rules.js';

/** Nest's own key of a route's path. */
const PATH = 'path';

/** Refuses, at boot, a controller with a route that says not who may call it. */
@Injectable()
export class DenyByDefault implements OnModuleInit {
  constructor(
    @Inject(DiscoveryService) private readonly discovery: DiscoveryService,
    @Inject(MetadataScanner) private readonly scanner: MetadataScanner,
    @Inject(Reflector) private readonly reflector: Reflector,
  ) {}

  /** @throws Error naming every route without a rule */
  onModuleInit(): void {
    const open = this.discovery.getControllers().flatMap(({ metatype }) => {
      const prototype = metatype?.prototype as Record<string, () => unknown>;
      return this.scanner
        .getAllMethodNames(prototype)
        .filter((name) => this.isRouteWithoutRule(prototype[name]))
        .map((name) => `${metatype?.name}.${name}`);
    });
    if (open.length > 0) {
      throw new Error(`Routes without a rule: ${open.join(', ')}. Give each @RequirePermission(…) or @Public().`);
    }
  }

  private isRouteWithoutRule(handler: (() => unknown) | undefined): boolean {
    if (!handler || this.reflector.get(PATH, handler) === undefined) return false;
    return this.reflector.get(RULE, handler) === undefined;
  }
}
