import type { ExitCode } from '#domain';
import { z } from 'zod';
import type { ChunkReader, Partition, Processed, TransactionalSink } from './chunk.js';
import type { PartitionContext, StepContext, TaskletContext } from './context.js';
import { invalidParameters, parseParameters, type JobParameters, type ParameterSchema } from './parameters.js';
import type { FieldError, Json } from '#domain';

interface StepOptions {
  /** Unique in its job; letters and digits, e.g. `bulkImportProcessingStep`. */
  name: string;
  /** Run again on a restart although it has COMPLETED. Default false. */
  allowStartIfComplete?: boolean;
  /** How often it may be started in one instance. Default: no limit. */
  startLimit?: number;
}

/** A step that runs once. It is repeated if its worker dies, so what it does must bear that. */
export interface Tasklet<P> extends StepOptions {
  kind: 'tasklet';
  /** @returns the step's exit code; COMPLETED where it returns nothing */
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
  /** Bad items the step may have in one execution before it fails. Default 0. */
  skipLimit?(parameters: P): number;
  /** Opens a reader on a partition; `position` is where the last committed chunk ended, undefined at the first start. */
  read(partition: Partition, position: Json | undefined, context: PartitionContext<P>): Promise<ChunkReader<I>>;
  /** Turns what was read into what is written. Must have no side effects. */
  process(item: I, context: PartitionContext<P>): Processed<O>;
}

/** A step that reads, processes and writes items, a chunk at a time, in partitions that run side by side. */
export type ChunkStep<P, I = unknown, O = unknown> = ChunkStepOptions<P, I, O> & ChunkWriter<P, O> & { kind: 'chunk' };

export type Step<P> = Tasklet<P> | ChunkStep<P>;

interface JobOptions<P> {
  /** Unique in its module, e.g. `bulkImportJob`: it stands in paths. */
  name: string;
  parameters: ParameterSchema<P>;
  /** Names of the parameters that make an instance: a second start with the same values is refused. Default: every start is a new instance. */
  identifying?: readonly string[];
  /** Default true. */
  restartable?: boolean;
  /**
   * A look at the parameters before a start is accepted, beyond their shape (does the source exist?).
   *
   * @returns every field that will not do; empty if all is well
   */
  check?(parameters: P): Promise<FieldError[]>;
  steps: readonly Step<P>[];
}

/** A job definition, checked. Its parameter type is hidden, so that jobs of all kinds stand in one registry. */
export interface Job {
  readonly name: string;
  readonly identifying: readonly string[];
  readonly restartable: boolean;
  // Steps are only ever handed the parameters that this same job's `parse` returned.
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly steps: readonly Step<any>[];
  /** @throws LongshoreError INVALID_PARAMETERS, naming every bad field */
  parse(parameters: JobParameters): unknown;
  /** Everything that can be known before the start. @throws as {@link parse} */
  check(parameters: JobParameters): Promise<void>;
  /** The parameters with the defaults filled in, as strings: what is stored and shown. @throws as {@link parse} */
  complete(parameters: JobParameters): JobParameters;
}

export const tasklet = <P>(options: Omit<Tasklet<P>, 'kind'>): Tasklet<P> => ({ kind: 'tasklet', ...options });

/** A chunk step. The item types are checked here and hidden afterwards. */
export const chunkStep = <P, I, O>(options: ChunkStepOptions<P, I, O> & ChunkWriter<P, O>): ChunkStep<P> =>
  ({ kind: 'chunk', ...options }) as unknown as ChunkStep<P>;

const NAME = /^[A-Za-z][A-Za-z0-9]{0,99}$/;

/**
 * Defines a job. Whatever is wrong with the definition is thrown here, at boot.
 *
 * @throws Error on a bad or repeated name, a job without steps, an identifying parameter that it does not have, a start
 *   limit below 1, or a step that could not keep its promise
 */
export function defineJob<P>(options: JobOptions<P>): Job {
  const fault = faultOf(options);
  if (fault) throw new Error(`Job ${options.name}: ${fault}.`);

  const parse = (parameters: JobParameters) => parseParameters(options.name, options.parameters, parameters);
  return {
    name: options.name,
    identifying: options.identifying ?? [],
    restartable: options.restartable ?? true,
    steps: options.steps,
    parse,
    complete: (parameters) => ({ ...parameters, ...stringsOf(parse(parameters)) }),
    async check(parameters) {
      const parsed = parse(parameters);
      const fields = (await options.check?.(parsed)) ?? [];
      if (fields.length > 0) throw invalidParameters(options.name, fields);
    },
  };
}

/** What is wrong with a definition, if anything. */
function faultOf<P>({ name, steps, identifying = [], parameters }: JobOptions<P>): string | undefined {
  const names = [name, ...steps.map((step) => step.name)];
  const bad = names.find((candidate) => !NAME.test(candidate));
  if (bad !== undefined) return `"${bad}" is no name. Use letters and digits, at most 100`;
  if (steps.length === 0) return 'it has no steps';
  if (new Set(names).size < names.length) return 'a step name is used twice';
  const unknown = identifying.find((field) => parameters instanceof z.ZodObject && !(field in parameters.shape));
  if (unknown !== undefined) return `its identifying parameter "${unknown}" is not among its parameters`;
  return steps.map(stepFault).find((fault) => fault !== undefined);
}

function stepFault<P>(step: Step<P>): string | undefined {
  if (step.startLimit !== undefined && !(step.startLimit >= 1)) return `the start limit of ${step.name} is below 1`;
  // The sink's checkpoints are the instance's, and stand at the end: a second run would write nothing and COMPLETE.
  if (step.kind === 'chunk' && step.sink && step.allowStartIfComplete) {
    return `${step.name} writes to a sink, exactly once, so it cannot be allowStartIfComplete`;
  }
  return undefined;
}

/** The scalar values of parsed parameters, as strings again. */
function stringsOf(parsed: unknown): JobParameters {
  const entries = Object.entries(parsed as Record<string, unknown>).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries.map(([name, value]) => [name, String(value)]));
}
