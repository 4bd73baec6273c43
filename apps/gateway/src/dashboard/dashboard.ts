import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { FastifyAdapter } from '@bull-board/fastify';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { IncomingHttpHeaders } from 'node:http';
import type { Logger } from '#platform';
import { requireEverywhere, requirePermission } from '../auth/auth.guard.js';
import type { Authenticator } from '../auth/authenticator.js';
import { holds, type User } from '../auth/permissions.js';
import { Problem, problemOf, STATUS_OF } from '../problem/problem.js';
import { replyProblem } from '../problem/reply.js';
import type { QueuesByModule } from '../modules/queues.module.js';

export const DASHBOARD = '/admin/queues';

/** Tells of the Redis as a whole, which all modules share. */
const REDIS_STATS = `${DASHBOARD}/api/redis/stats`;

/** What the dashboard is made with. */
export interface DashboardParts {
  queues: QueuesByModule;
  authenticator: Authenticator;
  log: Logger;
}

/** The user of each request, by its headers: all that Bull Board shows its visibility guards of a request. */
type Viewers = WeakMap<object, User>;

/** Serves Bull Board, read-only, to holders of VIEW_BATCH_JOBS; each sees the queues of the modules they may view. */
export async function serveDashboard(fastify: FastifyInstance, parts: DashboardParts): Promise<void> {
  const viewers: Viewers = new WeakMap();
  const board = new FastifyAdapter();
  board.setBasePath(DASHBOARD);
  createBullBoard({
    queues: adapters(parts.queues, viewers),
    serverAdapter: board,
    options: { uiConfig: { boardTitle: 'Longshore' } },
  });
  board.setErrorHandler(boardErrors(parts.log));
  await fastify.register(
    async (scope) => {
      scope.addHook('onRequest', async (request, reply) => {
        try {
          viewers.set(request.headers, await admit(request, parts));
        } catch (error) {
          return replyProblem(error, request, reply, parts.log);
        }
      });
      await scope.register(board.registerPlugin());
    },
    { prefix: DASHBOARD },
  );
}

const adapters = (queues: QueuesByModule, viewers: Viewers): BullMQAdapter[] =>
  [...queues].flatMap(([moduleId, kinds]) =>
    Object.values(kinds).map((queue) => {
      const adapter = new BullMQAdapter(queue, { readOnlyMode: true });
      adapter.setVisibilityGuard(({ headers }) => {
        const viewer = viewers.get(headers as IncomingHttpHeaders);
        return viewer !== undefined && holds(viewer, 'VIEW_BATCH_JOBS', moduleId);
      });
      return adapter;
    }),
  );

/** Lets viewers look; whatever would change something is refused before Bull Board hears of it. */
async function admit(request: FastifyRequest, { authenticator, queues }: DashboardParts): Promise<User> {
  const user = await authenticator.authenticate(request.headers.authorization, request.ip);
  requirePermission(user, 'VIEW_BATCH_JOBS');
  if (request.routeOptions.url === REDIS_STATS) requireEverywhere(user, 'VIEW_BATCH_JOBS', [...queues.keys()]);
  if (request.method === 'GET' || request.method === 'HEAD') return user;
  throw new Problem('METHOD_NOT_ALLOWED', 'The dashboard is read-only.', [], { Allow: 'GET, HEAD' });
}

/** Answers in Bull Board's own shape, without internals. */
const boardErrors = (log: Logger) => (error: Error) => {
  const { code, message } = problemOf(error);
  const status = STATUS_OF[code];
  if (status >= 500) log.warn('Dashboard request failed', { reason: error.message });
  return {
    // Bull Board's type knows few of them, but its adapter passes any status on.
    status: status as 500,
    body: { error: { key: 'ERRORS.INTERNAL_SERVER_ERROR' as const }, message },
  };
};
