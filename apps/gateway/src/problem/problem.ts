import { HttpException } from '@nestjs/common';
import { LongshoreError, type ErrorCode, type FieldError } from '#domain';
import { NotOnDiskError } from '#repository';
import { isUnavailable } from './unavailable.js';

/** HTTP status of every error the gateway answers with: the domain's codes, then its own. */
export const STATUS_OF = {
  UNKNOWN_MODULE: 404,
  UNKNOWN_JOB: 404,
  UNKNOWN_EXECUTION: 404,
  INVALID_PARAMETERS: 400,
  INSTANCE_ALREADY_RUNNING: 409,
  INSTANCE_ALREADY_EXISTS: 409,
  INSTANCE_ALREADY_COMPLETED: 409,
  EXECUTION_NOT_RUNNING: 409,
  EXECUTION_STILL_RUNNING: 409,
  EXECUTION_NOT_LATEST: 409,
  EXECUTION_ALREADY_COMPLETED: 409,
  EXECUTION_ABANDONED: 409,
  EXECUTION_DELETED: 409,
  EXECUTION_NOT_RESTARTABLE: 409,
  JOB_CHANGED: 409,
  JOB_NOT_RESTARTABLE: 409,
  STEP_START_LIMIT_REACHED: 409,
  IDEMPOTENCY_KEY_REUSED: 422,
  CONCURRENT_CHANGE: 409,

  INVALID_REQUEST: 400,
  UNAUTHENTICATED: 401,
  MISSING_PERMISSION: 403,
  CROSS_SITE_REQUEST: 403,
  UNKNOWN_ROUTE: 404,
  METHOD_NOT_ALLOWED: 405,
  REQUEST_TIMEOUT: 408,
  BODY_TOO_LARGE: 413,
  URI_TOO_LONG: 414,
  UNSUPPORTED_MEDIA_TYPE: 415,
  TOO_MANY_FAILED_LOGINS: 429,
  HEADERS_TOO_LARGE: 431,
  INTERNAL_ERROR: 500,
  SERVICE_UNAVAILABLE: 503,
  GATEWAY_BUSY: 503,
  NOT_KNOWN_ON_DISK: 503,
} as const satisfies Record<ErrorCode, number> & Record<string, number>;

export type ProblemCode = keyof typeof STATUS_OF;

/** Seconds until a caller of an unavailable service may try again. */
const RETRY_AFTER = '2';

/** An error as it is answered. */
export class Problem extends Error {
  override readonly name = 'Problem';

  constructor(
    readonly code: ProblemCode,
    message: string,
    readonly fields: readonly FieldError[] = [],
    /** Response headers, e.g. `Retry-After`. */
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(message);
  }
}

/** Codes for what Nest and Fastify throw, by status. */
const CODE_OF_STATUS: Readonly<Record<number, ProblemCode>> = {
  400: 'INVALID_REQUEST',
  // A path that leads out of the folder of a page's parts.
  403: 'UNKNOWN_ROUTE',
  404: 'UNKNOWN_ROUTE',
  405: 'METHOD_NOT_ALLOWED',
  413: 'BODY_TOO_LARGE',
  414: 'URI_TOO_LONG',
  415: 'UNSUPPORTED_MEDIA_TYPE',
};

/** Turns whatever was thrown into the problem to answer. That of an unknown error reveals no internals. */
export function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof LongshoreError) return new Problem(error.code, error.message, error.fields);
  if (error instanceof NotOnDiskError) {
    const begun = error.begun === undefined ? '' : `, as execution ${error.begun}`;
    return new Problem(
      'NOT_KNOWN_ON_DISK',
      `This was carried out${begun}, but Redis has not said that it is on disk: a crash now might undo it. Asking again is safe; for a start, with its Idempotency-Key.`,
      [],
      { 'Retry-After': RETRY_AFTER },
    );
  }
  if (isUnavailable(error)) {
    return new Problem('SERVICE_UNAVAILABLE', 'Redis or the database is unavailable. Try again shortly.', [], {
      'Retry-After': RETRY_AFTER,
    });
  }
  const code = CODE_OF_STATUS[statusOf(error) ?? 500];
  if (code) return new Problem(code, (error as Error).message);
  return new Problem('INTERNAL_ERROR', 'Something went wrong here. The log has the details under this request id.');
}

function statusOf(error: unknown): number | undefined {
  if (error instanceof HttpException) return error.getStatus();
  try {
    const status = error instanceof Error ? (error as { statusCode?: unknown }).statusCode : undefined;
    return typeof status === 'number' ? status : undefined;
  } catch {
    // Its properties throw themselves.
    return undefined;
  }
}
