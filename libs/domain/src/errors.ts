/**
 * Why an operation was refused. Each code is stable: consumers may branch on it.
 * The domain knows no HTTP; the gateway maps codes to statuses in one table.
 */
export const ERROR_CODES = [
  'UNKNOWN_MODULE',
  'UNKNOWN_JOB',
  'UNKNOWN_EXECUTION',
  'INVALID_PARAMETERS',
  'INSTANCE_ALREADY_RUNNING',
  'INSTANCE_ALREADY_EXISTS',
  'INSTANCE_ALREADY_COMPLETED',
  'EXECUTION_NOT_RUNNING',
  'EXECUTION_STILL_RUNNING',
  'EXECUTION_NOT_LATEST',
  'EXECUTION_ALREADY_COMPLETED',
  'EXECUTION_ABANDONED',
  'EXECUTION_DELETED',
  'EXECUTION_NOT_RESTARTABLE',
  'JOB_CHANGED',
  'JOB_NOT_RESTARTABLE',
  'STEP_START_LIMIT_REACHED',
  'IDEMPOTENCY_KEY_REUSED',
  'CONCURRENT_CHANGE',
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];

/** One bad field of a request or of a job's parameters. */
export interface FieldError {
  /** The field's name, e.g. `commitInterval`. */
  field: string;
  /** What is wrong and what is accepted. */
  message: string;
}

/** A refusal: a stable code, a sentence that says what to do next, and the data behind it. */
export class LongshoreError extends Error {
  override readonly name = 'LongshoreError';

  constructor(
    readonly code: ErrorCode,
    message: string,
    readonly fields: readonly FieldError[] = [],
  ) {
    super(message);
  }
}
