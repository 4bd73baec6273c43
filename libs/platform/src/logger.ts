import { pino, type Logger as Pino } from 'pino';

/** Structured log: one JSON line an event, on standard output. */
export interface Logger {
  debug(message: string, fields?: Record<string, unknown>): void;
  info(message: string, fields?: Record<string, unknown>): void;
  warn(message: string, fields?: Record<string, unknown>): void;
  error(message: string, fields?: Record<string, unknown>): void;
  /** A logger that adds these fields to every line. */
  with(fields: Record<string, unknown>): Logger;
}

/** @param name what the process is, e.g. `worker` */
export function createLogger(name: string, level: string): Logger {
  return wrap(pino({ name, level, timestamp: pino.stdTimeFunctions.isoTime }));
}

function wrap(pinoLogger: Pino): Logger {
  return {
    debug: (message, fields = {}) => pinoLogger.debug(fields, message),
    info: (message, fields = {}) => pinoLogger.info(fields, message),
    warn: (message, fields = {}) => pinoLogger.warn(fields, message),
    error: (message, fields = {}) => pinoLogger.error(fields, message),
    with: (fields) => wrap(pinoLogger.child(fields)),
  };
}
