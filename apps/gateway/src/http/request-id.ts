import type { FastifyInstance } from 'fastify';
import { randomBytes } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

/** Characters that cannot break a line of the log, and no more than anybody needs. */
const GIVEN = /^[\w.:@+/=-]{1,128}$/;

/** W3C Trace Context, version 00: the trace's id is the second part. */
const TRACEPARENT = /^00-(?!0{32})([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}$/;

/**
 * The id by which a request is known in answers, log and events: `X-Request-Id`, or the id of the trace in `traceparent`, or
 * one of our own. What does not look like an id is ignored, not refused. It proves nothing of who has sent it.
 */
export const requestIdOf = (headers: IncomingHttpHeaders, own: () => string): string => {
  const { 'x-request-id': given, traceparent } = headers;
  if (typeof given === 'string' && GIVEN.test(given)) return given;
  return (typeof traceparent === 'string' && TRACEPARENT.exec(traceparent)?.[1]) || own();
};

/** Our own ids tell one process from another. */
export function requestIds(): (request: { headers: IncomingHttpHeaders }) => string {
  const run = randomBytes(4).toString('hex');
  let requests = 0;
  return ({ headers }) => requestIdOf(headers, () => `${run}-${(requests += 1)}`);
}

/** Answers each request with its id. Register it before any other hook, so that refusals have it too. */
export function answerRequestId(fastify: FastifyInstance): void {
  fastify.addHook('onRequest', async (request, reply) => {
    reply.header('X-Request-Id', request.id);
  });
}
