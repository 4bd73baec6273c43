import { measureProcess, nestLogger } from '#platform';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { serveOpenApi } from '../openapi/openapi.js';
import { Authenticator } from '../auth/authenticator.js';
import { parseJsonOnly } from './body-parser.js';
import type { Core } from '../core.module.js';
import { serveDashboard } from '../dashboard/dashboard.js';
import { QUEUES, type QueuesByModule } from '../modules/queues.module.js';
import { GatewayModule } from '../gateway.module.js';
import { answerUnknownMethods } from './methods.js';
import { answerForNode } from './node-answers.js';
import { replyProblem } from '../problem/reply.js';
import { answerRequestId, requestIds } from './request-id.js';
import { measureRequests } from './request-metrics.js';
import { addSecurityHeaders, BARE_HEADERS } from './security-headers.js';
import { SERVER_LIMITS } from './server-limits.js';
import { closeWithin } from './shutdown.js';
import { withoutTrailingSlash } from './trailing-slash.js';

/**
 * Puts the gateway together; it does not listen yet.
 *
 * @throws Error with the reason, where something must not be served as it is
 */
export async function createApplication(core: Core): Promise<NestFastifyApplication> {
  const adapter = adapterFor(core);
  const fastify = adapter.getInstance();
  fastify.addHook('onRoute', ({ method, url }) => core.log.debug('Route', { method, url }));
  answerRequestId(fastify);
  measureProcess();
  measureRequests(fastify);
  parseJsonOnly(fastify, core.settings);
  await addSecurityHeaders(fastify);
  answerForNode(fastify, core.log);
  answerUnknownMethods(fastify, core.log);
  closeWithin(fastify, core.settings.SHUTDOWN_DEADLINE_MS, core.log);
  const app = await NestFactory.create<NestFastifyApplication>(GatewayModule.with(core), adapter, {
    logger: nestLogger(core.log),
    bodyParser: false,
    abortOnError: false,
  });
  await serveDashboard(fastify, {
    queues: app.get<QueuesByModule>(QUEUES),
    authenticator: app.get(Authenticator),
    log: core.log,
  });
  serveOpenApi(app);
  return app;
}

function adapterFor({ log, settings }: Core): FastifyAdapter {
  return new FastifyAdapter({
    ...SERVER_LIMITS,
    trustProxy: settings.TRUSTED_PROXIES.length > 0 && [...settings.TRUSTED_PROXIES],
    rewriteUrl: withoutTrailingSlash,
    // What still arrives on a connection while the gateway leaves is answered like any other request.
    return503OnClosing: false,
    genReqId: requestIds(),
    // No Nest middleware is used, so its bridge would only cost.
    skipMiddie: true,
    frameworkErrors: (error: FastifyError, request: FastifyRequest, reply: FastifyReply) => {
      replyProblem(error, request, reply.headers(BARE_HEADERS), log);
    },
  });
}
