import { Controller, Get, Inject, Res, type BeforeApplicationShutdown } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import type { Logger } from '#platform';
import { AnswersAnybody } from '../openapi/answers.js';
import { Public } from '../auth/rules.js';
import { LOG } from '../core.module.js';
import { Modules } from '../modules/modules.js';
import { constant, named, object } from '../schema/schema.js';
import { checkAll, knownAges, READINESS, type Readiness } from './readiness.js';

const ALIVE = named('Alive', object({ status: constant('ok') }));

/** Whether this process lives, and whether it can work. */
@Controller('health')
export class HealthController implements BeforeApplicationShutdown {
  /** Whether the gateway is leaving: then it is not ready, whatever answers. */
  private leaving = false;

  constructor(
    @Inject(Modules) private readonly modules: Modules,
    @Inject(LOG) private readonly log: Logger,
  ) {}

  @Get('live')
  @Public()
  @AnswersAnybody({ 200: ALIVE }, 'Whether this process lives')
  live() {
    return { status: 'ok' };
  }

  @Get('ready')
  @Public()
  @AnswersAnybody({ 200: READINESS, 503: READINESS }, 'Whether Redis and the databases answer, each by name')
  async ready(@Res({ passthrough: true }) reply: FastifyReply): Promise<Readiness> {
    const { all } = this.modules;
    const onDown = (dependency: string, reason: string) => this.log.warn('Dependency is down', { dependency, reason });
    const [readiness, files, lastSweepAgeMs] = await Promise.all([
      checkAll(
        {
          redis: () => Promise.all(all.map((m) => m.redisReady())),
          ...Object.fromEntries(all.map((m) => [`postgres:${m.id}`, () => m.ready()])),
        },
        onDown,
      ),
      checkAll(Object.fromEntries(all.map((m) => [m.id, () => m.importDirectoryReady()])), (id, reason) =>
        onDown(`import directory of ${id}`, reason),
      ),
      knownAges(Object.fromEntries(all.map((m) => [m.id, () => m.lastSweepAge()]))),
    ]);
    const status = this.leaving ? 'unavailable' : readiness.status;
    reply.code(status === 'ok' ? 200 : 503);
    return { ...readiness, status, importDirectories: files.dependencies, lastSweepAgeMs };
  }

  beforeApplicationShutdown(): void {
    this.leaving = true;
  }
}
