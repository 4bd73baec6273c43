import type { ExecutionId, ExecutionUuid, Json, ModuleId } from '#domain';

/** What a job writes to the log with. Fields are plain data; never put a resource's content in them. */
export interface Log {
  debug(message: string, fields?: Record<string, unknown>): void;
  info(message: string, fields?: Record<string, unknown>): void;
  warn(message: string, fields?: Record<string, unknown>): void;
  error(message: string, fields?: Record<string, unknown>): void;
}

/** What every part of a step gets to know about its execution. */
export interface StepContext<P> {
  readonly moduleId: ModuleId;
  readonly jobName: string;
  readonly executionId: ExecutionId;
  readonly executionUuid: ExecutionUuid;
  /** UUID of the instance's first execution: the same in every restart. */
  readonly instanceUuid: ExecutionUuid;
  readonly stepName: string;
  readonly parameters: P;
  /** Aborts when the attempt must be left: a stop, a force stop, a lost lock, shutdown. Code that goes on is abandoned after a second. */
  readonly signal: AbortSignal;
  readonly log: Log;
}

/** A tasklet's context: it may also leave results. */
export interface TaskletContext<P> extends StepContext<P> {
  /**
   * Keeps a result with the execution; the single-execution view shows it under `results`. Setting it again replaces it.
   *
   * @param name 1 to 100 printable characters
   * @param value JSON of at most 16,000 characters: no undefined, BigInt, NaN or circular value
   * @throws Error naming what cannot be stored
   */
  setResult(name: string, value: Json): void;
}

/** A partition's context. */
export interface PartitionContext<P> extends StepContext<P> {
  /** Index of the partition in the step's plan, from 0. */
  readonly partition: number;
  /** The partition's label, e.g. `FILE0:Rows 0 - 99`. */
  readonly label: string;
}
