import {
  chunkStep,
  defineJob,
  tasklet,
  type ChunkReader,
  type Job,
  type JobOptions,
  type PartitionContext,
  type Processed,
  type Step,
  type TransactionalSink,
} from '#job-kit';
import { z } from 'zod';

/** Items of each partition of the steps made here, and in each chunk. */
export const ITEMS = 5;
const INTERVAL = 2;

export const numbersParameters = z.strictObject({
  /** Partitions of each chunk step. */
  partitions: z.string().regex(/^\d+$/).transform(Number).prefault('2'),
});

export type NumbersParameters = z.output<typeof numbersParameters>;

/** An item that says where it comes from. */
export interface Numbered {
  step: string;
  partition: number;
  item: number;
}

export interface NumbersOptions {
  process?(item: Numbered, context: PartitionContext<NumbersParameters>): unknown;
  skipLimit?: number;
}

/** A chunk step that counts: `ITEMS` items a partition, each with its place. */
export function numbers(
  name: string,
  writer: { sink: TransactionalSink<Numbered> } | { write: (items: Numbered[]) => void },
  { process = (item) => item, skipLimit = 0 }: NumbersOptions = {},
): Step<NumbersParameters> {
  const shared = {
    name,
    plan: ({ parameters }: { parameters: NumbersParameters }) =>
      Array.from({ length: parameters.partitions }, (_, i) => ({ label: `PART${i}`, rows: ITEMS, data: i })),
    commitInterval: () => INTERVAL,
    skipLimit: () => skipLimit,
    read: async (_: unknown, position: unknown, { partition }: { partition: number }) =>
      countingReader(name, partition, position),
    process: (item: Numbered, context: PartitionContext<NumbersParameters>) =>
      process(item, context) as Processed<Numbered>,
  };
  return 'sink' in writer
    ? chunkStep<NumbersParameters, Numbered, Numbered>({ ...shared, sink: writer.sink })
    : chunkStep<NumbersParameters, Numbered, Numbered>({ ...shared, write: async (items) => writer.write(items) });
}

/** A tasklet that does nothing but what it is told. */
export const task = (name: string, run: () => unknown = () => undefined): Step<NumbersParameters> =>
  tasklet<NumbersParameters>({ name, run: async () => (await run()) as string | void });

export const jobOf = (
  steps: readonly Step<NumbersParameters>[],
  options: Partial<JobOptions<NumbersParameters>> = {},
): Job => defineJob({ name: 'numbersJob', parameters: numbersParameters, steps, ...options });

function countingReader(step: string, partition: number, position: unknown): ChunkReader<Numbered> {
  let next = typeof position === 'number' ? position : 0;
  return {
    async read(max) {
      if (next >= ITEMS) return undefined;
      const items = Array.from({ length: Math.min(max, ITEMS - next) }, (_, i) => ({
        step,
        partition,
        item: next + i,
      }));
      next += items.length;
      return { items, position: next };
    },
    close: async () => {},
  };
}
