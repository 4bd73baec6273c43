import type { ExitCode, FieldError, JobDefinition, Json, StepKind } from '#domain';
import type { ChunkReader, Partition, Processed, TransactionalSink } from './chunk.js';
import type { PartitionContext, StepContext, TaskletContext } from './context.js';
import type { JobParameters, ParameterSchema } from './parameters.js';

interface StepOptions {
  /** Unique in its job; letters and digits, e.g. `bulkImportProcessingStep`. Restarts know the step by it. */
  name: string;
  /** Run again on a restart although it has COMPLETED. Default false. */
  allowStartIfComplete?: boolean;
  /** How often it may be started in one instance. Default: no limit. */
  startLimit?: number;
}

/** A step that runs once. It is repeated if its worker dies, so it must be idempotent. */
export interface Tasklet<P> extends StepOptions {
  kind: 'tasklet';
  /** @returns the step's exit code, at most 100 characters; COMPLETED where it returns nothing */
  run(context: TaskletContext<P>): Promise<ExitCode | void>;
}

/** Where a chunk step writes: in transactions with its checkpoint (exactly once), or by a function (at least once). */
export type ChunkWriter<P, O> =
  | { sink: TransactionalSink<O>; write?: never }
  | { write: (items: O[], context: PartitionContext<P>) => Promise<void>; sink?: never };

interface ChunkStepOptions<P, I, O> extends StepOptions {
  /** Splits the work. Runs once an instance; what it yields is stored, and restarts go by it. */
  plan(context: StepContext<P>): AsyncIterable<Partition> | Iterable<Partition>;
  /** Items in a chunk, which is one transaction: 1 and up. */
  commitInterval(parameters: P): number;
  /** Bad items the step may have in one execution before it fails: a whole number. Default 0. */
  skipLimit?(parameters: P): number;
  /** Opens a reader on a partition; `position` is where the last committed chunk ended, undefined at the first start. */
  read(partition: Partition, position: Json | undefined, context: PartitionContext<P>): Promise<ChunkReader<I>>;
  /** Turns what was read into what is written, FILTERED or a Rejection. Must have no side effects; may be asynchronous. */
  process(item: I, context: PartitionContext<P>): Processed<O> | Promise<Processed<O>>;
}

/** A step that reads, processes and writes items, a chunk at a time, in partitions that run side by side. */
export type ChunkStep<P, I = unknown, O = unknown> = ChunkStepOptions<P, I, O> & ChunkWriter<P, O> & { kind: 'chunk' };

export type Step<P> = Tasklet<P> | ChunkStep<P>;

export interface JobOptions<P> {
  /** Unique in its module, e.g. `bulkImportJob`: it stands in paths. */
  name: string;
  /**
   * Names what an execution of the job does. Change it when the steps stay as they are and yet mean something else. Work of
   * an execution is only done by a worker that has its version. 1 to 50 printable characters.
   *
   * @default '1'
   */
  version?: string;
  /** Versions whose executions a restart may continue with this one. Default: none, a restart is refused with JOB_CHANGED. */
  continues?: readonly string[];
  /** Turns the stored parameters of an execution of another version into ones for this version. Default: as they are. */
  upgrade?(parameters: JobParameters, fromVersion: string): JobParameters;
  parameters: ParameterSchema<P>;
  /** Names of the parameters that make an instance: a second start with the same values is refused. Default: every start is a new instance. */
  identifying?: readonly string[];
  /** Default true. */
  restartable?: boolean;
  /**
   * A look at the parameters before a start is accepted, beyond their shape (does the source exist?).
   *
   * @returns every bad field; empty if all is well
   */
  check?(parameters: P): Promise<FieldError[]>;
  steps: readonly Step<P>[];
}

/** A job definition, checked. Its parameter type is hidden, so that jobs of all kinds stand in one registry. */
export interface Job {
  readonly name: string;
  /** Its version, and its steps' names and kinds in order: what an execution remembers of it. */
  readonly definition: JobDefinition;
  readonly continues: readonly string[];
  readonly identifying: readonly string[];
  readonly restartable: boolean;
  // Steps are only ever handed the parameters that this same job's `parse` returned.
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly steps: readonly Step<any>[];
  /** What the job works with. @throws LongshoreError INVALID_PARAMETERS, naming every bad field */
  parse(parameters: JobParameters): unknown;
  /** Everything that can be known before the start. @throws as {@link parse} */
  check(parameters: JobParameters): Promise<void>;
  /** The parameters as they were given, the defaults of missing ones added: what is stored and shown. @throws as {@link parse} */
  complete(parameters: JobParameters): JobParameters;
  /** The stored parameters of an execution of another version, for this one. @throws as {@link parse} */
  upgrade(parameters: JobParameters, fromVersion: string): JobParameters;
}

export const tasklet = <P>(options: Omit<Tasklet<P>, 'kind'>): Tasklet<P> => ({ kind: 'tasklet', ...options });

/** A chunk step. The item types are checked here and hidden afterwards. */
export const chunkStep = <P, I, O>(options: ChunkStepOptions<P, I, O> & ChunkWriter<P, O>): ChunkStep<P> =>
  ({ kind: 'chunk', ...options }) as unknown as ChunkStep<P>;

/** What a step is to the engine. */
export const kindOf = (step: Step<never>): StepKind => {
  if (step.kind === 'tasklet') return 'tasklet';
  return step.sink ? 'transactional-chunk' : 'chunk';
};
