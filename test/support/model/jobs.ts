import {
  chunkStep,
  defineJob,
  jobRegistry,
  oneOf,
  tasklet,
  wholeNumber,
  type ChunkReader,
  type Job,
  type JobRegistry,
  type PartitionContext,
  type Step,
  type StepContext,
  type TransactionalSink,
} from '#job-kit';
import type { ItemTable } from '#postgres';
import { z } from 'zod';
import { RELEASES, type Release, type ReleaseName } from './releases.js';

/** Items of each partition, and in each chunk. */
export const ITEMS = 5;
const INTERVAL = 2;

/** What a chunk step writes: which item of which partition, for whom, and by which release of the job. */
export interface Item {
  instance: string;
  execution: string;
  step: string;
  partition: number;
  item: number;
  release: string;
}

/** One run of a tasklet that came to its end. */
export type Run = Pick<Item, 'instance' | 'execution' | 'step' | 'release'>;

/** Without a key: what is written twice stands there twice. */
export const ITEM_TABLE =
  'CREATE TABLE item (instance uuid, execution uuid, step text, partition integer, item integer, release text)';

export const itemTable: ItemTable<Item> = {
  async writeChunk(client, items) {
    for (const { instance, execution, step, partition, item, release } of items) {
      const values = [instance, execution, step, partition, item, release];
      await client.query('INSERT INTO item VALUES ($1, $2, $3, $4, $5, $6)', values);
    }
  },
};

/** Where a process's jobs write. */
export interface Places {
  sink: TransactionalSink<Item>;
  /** Makes the calls to another sink cost the process's life too. */
  wrap: <O>(sink: TransactionalSink<O>) => TransactionalSink<O>;
  /** Written by a function, without transactions. */
  rough: Item[];
  /** What tasklets have done. */
  ran: Run[];
}

/** The jobs that a process is deployed with. */
export type Deploy = (places: Places) => JobRegistry;

const shape = {
  partitions: wholeNumber(0, 10).prefault('1'),
  /** Whether the instance's first execution fails in its last partition. */
  fails: oneOf('yes', 'no').prefault('no'),
};
const parameters = z.strictObject(shape);
const parametersWithExtra = z.strictObject({ ...shape, extra: z.string() });

type Parameters = z.output<typeof parameters>;

export const partitionsOf = (count: number) =>
  Array.from({ length: count }, (_, i) => ({ label: `PART${i}`, rows: ITEMS, data: null }));

/** Where an item, or a tasklet's run, belongs. */
const placeIn = ({ instanceUuid, executionUuid, stepName }: StepContext<unknown>, release: string): Run => ({
  instance: instanceUuid,
  execution: executionUuid,
  step: stepName,
  release,
});

/** What all chunk steps of the model have in common. */
export const chunksOf = (release: string) => ({
  commitInterval: () => INTERVAL,
  plan: ({ parameters: { partitions } }: { parameters: Parameters }) => partitionsOf(partitions),
  read: async (_: unknown, position: unknown) => countingReader(position),
  process(item: number, context: PartitionContext<Parameters>): Item {
    const { partitions, fails } = context.parameters;
    const first = context.executionUuid === context.instanceUuid;
    if (fails === 'yes' && first && context.partition === partitions - 1 && item === ITEMS - 1) {
      throw new Error('This item cannot be had yet.');
    }
    return { ...placeIn(context, release), partition: context.partition, item };
  },
});

/** Makes a step of each kind, of a release. */
export function stepsOf(release: string, { sink, rough, ran }: Places) {
  const shared = chunksOf(release);
  return {
    exactly: (name: string) => chunkStep<Parameters, number, Item>({ name, ...shared, sink }),
    roughly: (name: string) =>
      chunkStep<Parameters, number, Item>({ name, ...shared, write: async (items) => void rough.push(...items) }),
    once: (name: string) =>
      tasklet<Parameters>({
        name,
        run: async (context) => {
          context.setResult(name, true);
          ran.push(placeIn(context, release));
        },
      }),
  };
}

/** The chunk steps of each job whose definition never changes. */
export const CHUNK_STEPS = { exactJob: ['load'], twiceJob: ['load', 'loadAgain'], roughJob: ['load'] } as const;

/** A job that the model starts; `changingJob` is deployed in one release after another. */
export type ModelJob = keyof typeof CHUNK_STEPS | 'changingJob';

/**
 * `exactJob` and `twiceJob` write into the database in transactions, `roughJob` by a function: at least once. All close
 * with a tasklet. Without a release there is no `changingJob`.
 */
export const modelJobs =
  (release?: ReleaseName): Deploy =>
  (places) => {
    const { exactly, roughly, once } = stepsOf('always', places);
    const job = (name: string, steps: Step<Parameters>[], identifying: string[] = []) =>
      defineJob<Parameters>({ name, parameters, identifying, steps: [...steps, once('close')] });
    return jobRegistry([
      job('exactJob', CHUNK_STEPS.exactJob.map(exactly)),
      job('twiceJob', CHUNK_STEPS.twiceJob.map(exactly)),
      job('roughJob', CHUNK_STEPS.roughJob.map(roughly)),
      job('identifiedJob', [exactly('load')], ['partitions']),
      ...(release ? [changingJob(release, RELEASES[release], places)] : []),
    ]);
  };

function changingJob(name: ReleaseName, { version, continues, steps, extra }: Release, places: Places): Job {
  const { exactly, roughly, once } = stepsOf(name, places);
  const make = { 'transactional-chunk': exactly, chunk: roughly, tasklet: once };
  return defineJob<Parameters>({
    name: 'changingJob',
    version,
    continues,
    parameters: extra ? parametersWithExtra : parameters,
    upgrade: ({ extra: given = 'upgraded', ...others }) => (extra ? { ...others, extra: given } : others),
    steps: steps.map((step) => make[step.kind](step.name)),
  });
}

export function countingReader(position: unknown): ChunkReader<number> {
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
