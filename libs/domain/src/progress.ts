export interface ProgressFacts {
  /** Rows (or other units of the plan) done so far by this execution. */
  done: number;
  /** Rows left to do. */
  left: number;
  /** Milliseconds since the epoch. */
  startTime: number | undefined;
  /** End of the execution, or now while it runs; milliseconds since the epoch. */
  until: number;
  running: boolean;
}

export interface Pace {
  /** Rows a second since the start, rounded to one decimal; undefined before the first row. */
  rowsPerSecond: number | undefined;
  /** Milliseconds since the epoch; undefined where it cannot be told. */
  estimatedEndTime: number | undefined;
}

/** How fast an execution goes, and when it will end at that pace. */
export function paceOf({ done, left, startTime, until, running }: ProgressFacts): Pace {
  const elapsed = startTime === undefined ? 0 : until - startTime;
  if (done <= 0 || elapsed <= 0) return { rowsPerSecond: undefined, estimatedEndTime: undefined };
  const perMillisecond = done / elapsed;
  return {
    rowsPerSecond: Math.round(perMillisecond * 10_000) / 10,
    estimatedEndTime: running ? Math.round(until + left / perMillisecond) : undefined,
  };
}
