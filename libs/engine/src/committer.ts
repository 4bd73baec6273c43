import { addCounts, type Counts } from '#domain';
import {
  reach,
  SkipLimitExceededError,
  SupersededError,
  type ChunkStep,
  type PartitionContext,
  type ProcessedChunk,
  type SinkSession,
} from '#job-kit';
import type { Committer } from './chunk-loop.js';
import { jobCode } from './job-code.js';
import type { PartitionRef, PartitionStore } from './store.port.js';
import type { Ambient } from './work.port.js';

/** One attempt's hold on its partition. */
export interface Attempt {
  ref: PartitionRef;
  fence: number;
  step: ChunkStep<unknown>;
  context: PartitionContext<unknown>;
  /** Most skips the step may have in this execution. */
  skipLimit: number;
}

type Parts = { store: PartitionStore; ambient: Ambient };

/** Exactly once: the sink's transaction holds the checkpoint, and the store only mirrors the counts. */
export function sinkCommitter(
  { store, ambient }: Parts,
  { ref, fence }: Attempt,
  session: SinkSession<unknown>,
): Committer {
  let counts = session.counts;
  return {
    async write(chunk) {
      counts = await jobCode(() => session.commit(chunk));
      reach('committed-not-mirrored');
      return counts;
    },
    mirror: async () => goOnOrStop(await store.progress(ref, fence, counts, ambient.now())),
  };
}

/**
 * At least once: a function writes, then the store keeps the checkpoint. An attempt that dies in between has the
 * chunk written again.
 *
 * @param before what this execution has already committed in the partition
 */
export function functionCommitter({ store, ambient }: Parts, attempt: Attempt, before: Counts): Committer {
  const { ref, fence, step, context, skipLimit } = attempt;
  let counts = before;
  let written: ProcessedChunk<unknown> | undefined;
  return {
    async write(chunk) {
      if (chunk.items.length > 0) await jobCode(() => step.write?.(chunk.items, context));
      written = chunk;
      counts = addCounts(counts, doneBy(chunk));
      return counts;
    },
    async mirror() {
      const checkpoint = { position: written?.position ?? null, skipLimit };
      const answer = await store.progress(ref, fence, counts, ambient.now(), checkpoint);
      const refused = written?.rejections.at(-1);
      if (answer === 'skip-limit' && refused) throw new SkipLimitExceededError(skipLimit, refused);
      return goOnOrStop(answer);
    },
  };
}

const doneBy = ({ readCount, filterCount, rejections, items }: ProcessedChunk<unknown>): Partial<Counts> => ({
  readCount,
  filterCount,
  skipCount: rejections.length,
  writeCount: items.length,
  commitCount: 1,
});

function goOnOrStop(answer: Awaited<ReturnType<PartitionStore['progress']>>): 'go-on' | 'stop' {
  if (answer === 'go-on' || answer === 'stop') return answer;
  throw new SupersededError('A newer attempt has this partition, or its execution has ended.');
}
