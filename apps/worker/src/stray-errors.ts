import type { Logger } from '#platform';

/**
 * Errors that nobody waits for: a promise that a job's code left behind, a timer of its own that throws. They end neither the
 * process nor the work that others have in hand; what the engine itself counts as written never depends on them.
 */
export function containStrayErrors(log: Logger): void {
  const tell = (kind: string) => (error: unknown) => {
    log.error(`${kind}: code of a job has left work behind that nobody waits for. Await it in the job`, {
      reason: error instanceof Error ? error.message : String(error),
      stack: error instanceof Error ? error.stack : undefined,
    });
  };
  process.on('unhandledRejection', tell('Unhandled rejection'));
  process.on('uncaughtException', tell('Uncaught exception'));
}
