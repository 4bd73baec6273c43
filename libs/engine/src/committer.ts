import { addCounts, type Counts } from '#domain';
import {
  reach,
  SkipLimitExceededError,
  type ChunkStep,
  type PartitionContext,
  type ProcessedChunk,
  type SinkSession,
} from '#job-kit';
import type { Committer } from './chunk-loop.js';
import { jobCode } from './job-code.js';
import type { PartitionRef, PartitionStore } from './store.port.js';

/** One attempt's hold on its partition. */
export interface Attempt {
  ref: PartitionRef;
  fence: number;
  step: ChunkStep<unknown>;
  context: PartitionContext<unknown>;
  /** Most skips the step may have in this execution. */
  skipLimit: number;
}

type Store = Pick<PartitionStore, 'progress'>;

/** Exactly once: the sink's transaction holds the checkpoint, and the store only mirrors the counts. */
export function sinkCommitter(store: Store, { ref, fence }: Attempt, session: SinkSession<unknown>): Committer {
  let counts = session.counts;
  return {
    async write(chunk) {
      counts = await jobCode(() => session.commit(chunk));
      reach('committed-not-mirrored');
      return counts;
    },
    mirror: async () => goOn(await store.progress(ref, fence, counts)),
    finish: () => jobCode(() => session.finish()),
  };
}

/**
 * At least once: a function writes, then the store keeps the checkpoint. An attempt that dies in between has the
 * chunk written again.
 *
 * @param before what this execution has already committed in the partition
 */
export function functionCommitter(store: Store, attempt: Attempt, before: Counts): Committer {
  const { ref, fence, step, context, skipLimit } = attempt;
  let counts = before;
  let written: ProcessedChunk<unknown> | undefined;
  return {
    async write(chunk) {
      if (chunk.items.length > 0) await jobCode(() => step.write?.(chunk.items, context), context.signal);
      written = chunk;
      counts = addCounts(counts, countsOf(chunk));
      return counts;
    },
    async mirror() {
      const checkpoint = { position: written?.position ?? null, skipLimit };
      const answer = await store.progress(ref, fence, counts, checkpoint);
      const refused = written?.rejections.at(-1);
      if (answer === 'skip-limit' && refused) throw new SkipLimitExceededError(skipLimit, refused);
      return goOn(answer);
    },
    finish: async () => {},
  };
}

const countsOf = ({ readCount, filterCount, rejections, items }: ProcessedChunk<unknown>): Partial<Counts> => ({
  readCount,
  filterCount,
  skipCount: rejections.length,
  writeCount: items.length,
  commitCount: 1,
});

/** A skip limit that is passed without a rejection in hand cannot be: the attempt has been superseded. */
const goOn = (answer: Awaited<ReturnType<PartitionStore['progress']>>): 'go-on' | 'stop' | 'superseded' =>
  answer === 'skip-limit' ? 'superseded' : answer;
