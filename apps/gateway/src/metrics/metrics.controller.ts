import { Controller, Get, Inject, Req, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { METRICS } from '#platform';
import { requireEverywhere } from '../auth/auth.guard.js';
import { RequirePermission } from '../auth/rules.js';
import { Modules } from '../modules/modules.js';
import { collectFleet } from './fleet-metrics.js';

/** How long an answer serves further scrapes, in ms: however many ask, Redis is asked once a second. */
const FRESH_MS = 1_000;

/**
 * The fleet as Redis has it, and this process, in Prometheus' text format. Each gateway tells the same of the fleet: use `max`
 * over them. For holders of VIEW_BATCH_JOBS on every module, since all modules stand in one answer.
 */
@ApiExcludeController()
@Controller('metrics')
export class MetricsController {
  #latest: { until: number; text: Promise<string> } | undefined;

  constructor(@Inject(Modules) private readonly modules: Modules) {}

  @Get()
  @RequirePermission('VIEW_BATCH_JOBS')
  async metrics(@Req() { user }: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<string> {
    const all = this.modules.all;
    requireEverywhere(
      user!,
      'VIEW_BATCH_JOBS',
      all.map(({ id }) => id),
    );
    reply.type(METRICS.contentType);
    return this.#text();
  }

  #text(): Promise<string> {
    const now = performance.now();
    if (!this.#latest || this.#latest.until < now) {
      this.#latest = { until: now + FRESH_MS, text: collectFleet(this.modules.all).then(() => METRICS.metrics()) };
    }
    return this.#latest.text;
  }
}
