import type { FastifyInstance } from 'fastify';
import type { Logger } from '#platform';

/** How long the rest of the process has to close once all connections are closed, in ms. */
const GRACE_MS = 5_000;

/**
 * Bounds how long closing takes. The server accepts nothing more and ends idle connections at once; requests that have
 * begun may finish. At the deadline all connections are closed: a client that sends nothing more would otherwise hold
 * the process for ever, as a server that closes no longer checks for late requests.
 *
 * @param deadlineMs from the beginning of the end, in ms
 */
export function closeWithin(fastify: FastifyInstance, deadlineMs: number, log: Logger): void {
  let leaving = false;
  // A connection that stayed open behind its answer would be idle, and hold the server until the deadline.
  fastify.addHook('onSend', async (_request, reply) => {
    if (leaving) reply.header('Connection', 'close');
  });
  fastify.addHook('preClose', (done) => {
    leaving = true;
    log.info('Leaving: accepting no more connections');
    const closing = setTimeout(() => {
      log.warn('Shutdown deadline: closing the connections that are left', { deadlineMs });
      fastify.server.closeAllConnections();
    }, deadlineMs);
    fastify.server.once('close', () => clearTimeout(closing));
    // Nothing keeps the process for longer, e.g. a database that does not answer.
    setTimeout(() => {
      log.error('Shutdown deadline: ended by force', { deadlineMs });
      process.exit(1);
    }, deadlineMs + GRACE_MS).unref();
    done();
  });
}
