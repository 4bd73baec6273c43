import type { LoggerService } from '@nestjs/common';
import type { Logger } from './logger.js';

/** Nest's own messages in our log. Its chatter at boot is kept for debugging. */
export function nestLogger(log: Logger): LoggerService {
  const nest = log.with({ from: 'nest' });
  return {
    log: (message: unknown) => nest.debug(String(message)),
    debug: (message: unknown) => nest.debug(String(message)),
    verbose: (message: unknown) => nest.debug(String(message)),
    warn: (message: unknown) => nest.warn(String(message)),
    error: (message: unknown, stack?: unknown) => nest.error(String(message), { stack }),
    fatal: (message: unknown, stack?: unknown) => nest.error(String(message), { stack }),
  };
}
