import type { FhirStore, ItemTable } from '#fhir-store';
import {
  chunkStep,
  defineJob,
  jobRegistry,
  oneOf,
  tasklet,
  wholeNumber,
  type ChunkReader,
  type JobRegistry,
  type PartitionContext,
  type TransactionalSink,
} from '#job-kit';
import { z } from 'zod';

/** Items of each partition, and in each chunk. */
export const ITEMS = 5;
const INTERVAL = 2;

export interface Item {
  instance: string;
  execution: string;
  step: string;
  partition: number;
  item: number;
}

/** Without a key: what is written twice stands there twice. */
export const LEDGER = 'CREATE TABLE ledger (instance uuid, execution uuid, step text, partition integer, item integer)';

export const ledger: ItemTable<Item> = {
  async writeChunk(client, items) {
    for (const { instance, execution, step, partition, item } of items) {
      await client.query('INSERT INTO ledger VALUES ($1, $2, $3, $4, $5)', [
        instance,
        execution,
        step,
        partition,
        item,
      ]);
    }
  },
};

const parameters = z.strictObject({
  partitions: wholeNumber(0, 10).prefault('1'),
  /** Whether the instance's first execution fails in its last partition. */
  fails: oneOf('yes', 'no').prefault('no'),
});

type Parameters = z.output<typeof parameters>;

const shared = {
  commitInterval: () => INTERVAL,
  plan: ({ parameters: { partitions } }: { parameters: Parameters }) =>
    Array.from({ length: partitions }, (_, i) => ({ label: `PART${i}`, rows: ITEMS, data: null })),
  read: async (_: unknown, position: unknown) => countingReader(position),
  process(item: number, context: PartitionContext<Parameters>): Item {
    const { partitions, fails } = context.parameters;
    const first = context.executionUuid === context.instanceUuid;
    if (fails === 'yes' && first && context.partition === partitions - 1 && item === ITEMS - 1) {
      throw new Error('This item cannot be had yet.');
    }
    const { instanceUuid: instance, executionUuid: execution, stepName: step, partition } = context;
    return { instance, execution, step, partition, item };
  },
};

/** The chunk steps of each job that the model starts. */
export const CHUNK_STEPS = { exactJob: ['load'], twiceJob: ['load', 'loadAgain'], roughJob: ['load'] } as const;

export type ModelJob = keyof typeof CHUNK_STEPS;

/**
 * `exactJob` and `twiceJob` write into the database in transactions, `roughJob` by a function: at least once. All close
 * with a tasklet.
 */
export function modelJobs(sink: TransactionalSink<Item>, write: (items: Item[]) => void): JobRegistry {
  const close = tasklet<Parameters>({
    name: 'close',
    run: async ({ setResult }) => setResult('closed', true),
  });
  const exactly = (name: string) => chunkStep<Parameters, number, Item>({ name, ...shared, sink });
  return jobRegistry([
    defineJob<Parameters>({
      name: 'exactJob',
      parameters,
      steps: [...CHUNK_STEPS.exactJob.map(exactly), close],
    }),
    defineJob<Parameters>({
      name: 'twiceJob',
      parameters,
      steps: [...CHUNK_STEPS.twiceJob.map(exactly), close],
    }),
    defineJob<Parameters>({
      name: 'roughJob',
      parameters,
      steps: [
        chunkStep<Parameters, number, Item>({ name: 'load', ...shared, write: async (items) => write(items) }),
        close,
      ],
    }),
    defineJob<Parameters>({
      name: 'identifiedJob',
      parameters,
      identifying: ['partitions'],
      steps: [exactly('load'), close],
    }),
  ]);
}

export const sinkOf = (store: FhirStore): TransactionalSink<Item> => store.sinkFor(ledger);

function countingReader(position: unknown): ChunkReader<number> {
  let next = typeof position === 'number' ? position : 0;
  return {
    async read(max) {
      if (next >= ITEMS) return undefined;
      const items = Array.from({ length: Math.min(max, ITEMS - next) }, (_, i) => next + i);
      next += items.length;
      return { items, position: next };
    },
    close: async () => {},
  };
}
