import type { FastifyReply, FastifyRequest } from 'fastify';
import { messageOf, stackOf } from '#engine';
import type { Logger } from '#platform';
import { operationOf } from './operation.js';
import { problemJson } from './problem-json.js';
import { problemOf, STATUS_OF, type Problem } from './problem.js';

/** Answers with the problem that an error means, and logs what is not the caller's doing. */
export function replyProblem(error: unknown, request: FastifyRequest, reply: FastifyReply, log: Logger): FastifyReply {
  const problem = problemOf(error);
  logFault(problem, error, request, log);
  const body = problemJson(problem, {
    path: pathOf(request),
    operation: operationOf(request),
    requestId: request.id,
  });
  return reply
    .code(body.status)
    .headers(problem.headers)
    .type('application/problem+json; charset=utf-8')
    .send(JSON.stringify(body));
}

/**
 * Only 5xx are logged: of the request no more than its method, path and id, and of the error no more than its message
 * and stack, since a Redis error carries the whole command, job parameters and all.
 */
function logFault(problem: Problem, error: unknown, request: FastifyRequest, log: Logger): void {
  if (STATUS_OF[problem.code] < 500) return;
  const fields = { requestId: request.id, method: request.method, path: pathOf(request), reason: messageOf(error) };
  if (STATUS_OF[problem.code] === 503) log.warn('Service unavailable', fields);
  else log.error('Request failed', { ...fields, stack: stackOf(error) });
}

/** As it was sent. */
const pathOf = (request: FastifyRequest): string => request.originalUrl.split('?', 1)[0] ?? '';
