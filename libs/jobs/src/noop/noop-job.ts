import { chunkStep, defineJob, tasklet, wholeNumber, type ChunkReader, type Job, type Partition } from '#job-kit';
import type { Json } from '#domain';
import { z } from 'zod';

const parameters = z.strictObject({
  partitions: wholeNumber(1, 1_000_000).prefault('1'),
  /** Of each partition. */
  chunks: wholeNumber(1, 1_000_000).prefault('1'),
  /** How long each chunk keeps its worker's processor busy, in ms. */
  busyMs: wholeNumber(0, 60_000).prefault('0'),
});

type NoopParameters = z.output<typeof parameters>;

/** The versions of `noopJob`, each of which continues what the other has begun: for tests of a mixed fleet. */
export const NOOP_VERSIONS = ['1', '2'] as const;
export type NoopVersion = (typeof NOOP_VERSIONS)[number];

const load = chunkStep<NoopParameters, number, number>({
  name: 'noopStep',
  commitInterval: () => 1,
  plan: ({ parameters: { partitions, chunks } }) => partitionsOf(partitions, chunks),
  read: async (partition, position) => countingReader(partition.rows, position),
  process(item, { parameters: { busyMs } }) {
    keepBusy(busyMs);
    return item;
  },
  write: async () => {},
});

const close = tasklet<NoopParameters>({ name: 'noopCloseStep', run: async () => {} });

/** Partitions of chunks of one item each, with which nothing is done: for tests and benchmarks of the machinery itself. */
export const noopJob = (version: NoopVersion = '1'): Job =>
  defineJob<NoopParameters>({
    name: 'noopJob',
    version,
    continues: NOOP_VERSIONS.filter((other) => other !== version),
    parameters,
    steps: version === '1' ? [load] : [load, close],
  });

function* partitionsOf(partitions: number, chunks: number): Iterable<Partition> {
  for (let i = 0; i < partitions; i++) yield { label: `PART${i}`, rows: chunks, data: null };
}

/** Yields the numbers below `end`; the position is the next of them. */
function countingReader(end: number, position: Json | undefined): ChunkReader<number> {
  let next = typeof position === 'number' ? position : 0;
  return {
    async read(max) {
      if (next >= end) return undefined;
      const items = Array.from({ length: Math.min(max, end - next) }, (_, i) => next + i);
      next += items.length;
      return { items, position: next };
    },
    close: async () => {},
  };
}

function keepBusy(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}
