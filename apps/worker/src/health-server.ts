import { createServer, type Server } from 'node:http';
import { METRICS, type Logger } from '#platform';

/** What a worker says of itself. */
export interface WorkerHealth {
  /** Whether it does, or could do, work. */
  ready: boolean;
  /** By module: `ok`, or why not. */
  modules: Record<string, string>;
  /** How far its clock is ahead of Redis's, in ms; null where it could not be asked. */
  clockSkewMs: number | null;
  /** By module: how long ago a worker of the fleet last looked for executions without progress, in ms; null if never. */
  lastSweepAgeMs: Record<string, number | null>;
}

/**
 * Offers `/health/live` (the event loop turns) and `/health/ready` (Redis and at least one database are reachable, and the
 * clock is right) on a port, for orchestrators, and `/metrics` for Prometheus.
 */
export async function serveHealth(
  port: number,
  host: string,
  log: Logger,
  health: () => Promise<WorkerHealth>,
): Promise<Server> {
  const server = createServer((request, response) => {
    const answer = (status: number, body: object): void => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    };
    const [path] = (request.url ?? '').split('?');
    if (path === '/health/live') return answer(200, { status: 'ok' });
    if (path === '/metrics') {
      return void METRICS.metrics().then((text) =>
        response.writeHead(200, { 'content-type': METRICS.contentType }).end(text),
      );
    }
    if (path !== '/health/ready') return answer(404, { status: 'unknown path' });
    health().then(
      ({ ready, ...details }) => answer(ready ? 200 : 503, { status: ready ? 'ok' : 'not ready', ...details }),
      (error: unknown) => answer(503, { status: 'not ready', reason: String(error) }),
    );
  });
  // A worker works without it, too.
  server.on('error', (error) => log.error('The health port cannot be served', { port, reason: error.message }));
  server.unref();
  await new Promise<void>((resolve) => {
    server.once('error', () => resolve());
    server.listen(port, host, resolve);
  });
  return server;
}
