/** The body of an error as the gateway sends it (RFC 9457), with what it adds. */
export interface ProblemJson {
  status: number;
  /** Stable, e.g. `EXECUTION_NOT_RUNNING`. */
  code: string;
  /** One sentence for people. */
  detail: string;
  /** The fields of a request that are not valid. */
  errors?: { field: string; message: string }[];
}

/** The gateway answered, with an error. */
export class ProblemError extends Error {
  override readonly name = 'ProblemError';

  constructor(readonly problem: ProblemJson) {
    super(`The gateway answered ${problem.status}${problem.code && ` ${problem.code}`}: ${problem.detail}`);
  }

  get status(): number {
    return this.problem.status;
  }

  /** Empty where something between us and the gateway has answered. */
  get code(): string {
    return this.problem.code;
  }

  get detail(): string {
    return this.problem.detail;
  }
}

/** No answer came, or only part of one: whether the request was carried out is unknown. */
export class NoAnswerError extends Error {
  override readonly name = 'NoAnswerError';

  constructor(url: string, cause: unknown) {
    super(`No answer from ${url}: ${reasonOf(cause)}`, { cause });
  }
}

/** `fetch` says no more than "fetch failed"; the reason is in the cause. */
function reasonOf(error: unknown): string {
  const { cause, message } = error as Error;
  return cause instanceof Error ? cause.message || String((cause as NodeJS.ErrnoException).code) : message;
}
