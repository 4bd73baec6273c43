import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { METRICS } from '#platform';
import { Counter, Histogram } from 'prom-client';

const duration = new Histogram({
  name: 'longshore_http_request_duration_seconds',
  help: 'From the arrival of a request to the end of its answer, by the route that it has matched',
  labelNames: ['route', 'method', 'status_class'],
  buckets: [0.005, 0.02, 0.1, 0.5, 2, 10],
  registers: [METRICS],
});

const logins = new Counter({
  name: 'longshore_logins_total',
  help: 'Requests with credentials: accepted, refused, or throttled after failed ones',
  labelNames: ['outcome'],
  registers: [METRICS],
});

/** What the answer's status says of the credentials; 403 was logged in. */
const OUTCOMES: Readonly<Record<number, string>> = { 401: 'refused', 429: 'throttled' };

/** Measures every request. Paths that are not ours count as one route. Register it before any route. */
export function measureRequests(fastify: FastifyInstance): void {
  for (const outcome of ['accepted', 'refused', 'throttled']) logins.inc({ outcome }, 0);
  fastify.addHook('onResponse', async (request: FastifyRequest, reply: FastifyReply) => {
    const { statusCode, elapsedTime } = reply;
    const labels = {
      route: request.is404 ? 'unknown' : (request.routeOptions.url ?? 'unknown'),
      method: request.is404 ? 'any' : request.method,
      status_class: `${Math.floor(statusCode / 100)}xx`,
    };
    duration.observe(labels, elapsedTime / 1_000);
    if (request.headers.authorization !== undefined) logins.inc({ outcome: OUTCOMES[statusCode] ?? 'accepted' });
  });
}
