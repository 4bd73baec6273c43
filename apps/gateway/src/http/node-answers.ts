import type { FastifyInstance } from 'fastify';
import type { Logger } from '#platform';
import { Problem } from '../problem/problem.js';
import { replyProblem } from '../problem/reply.js';

/**
 * What Node would answer by itself, without a problem and without the headers of all other answers. Register it behind
 * those headers and before any route.
 */
export function answerForNode(fastify: FastifyInstance, log: Logger): void {
  fastify.addHook('onRequest', async (request, reply) => {
    if (request.raw.httpVersion !== '1.1' || request.headers.host !== undefined) return;
    return replyProblem(new Problem('INVALID_REQUEST', 'HTTP/1.1 needs a Host header.'), request, reply, log);
  });
  // An expectation that nobody knows may be ignored (RFC 9110, 10.1.1).
  fastify.server.on('checkExpectation', (request, response) => fastify.server.emit('request', request, response));
}
