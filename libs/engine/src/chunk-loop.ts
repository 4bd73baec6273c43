import type { Counts } from '#domain';
import { FILTERED, Rejection, type ChunkReader, type Processed, type ProcessedChunk, type ReadChunk } from '#job-kit';
import { assertRead, processedOf } from './border.js';
import { isThenable, jobCode } from './job-code.js';

export interface ChunkLoop {
  /** Name of the step, for messages. */
  step: string;
  reader: ChunkReader<unknown>;
  process(item: unknown): Processed<unknown> | Promise<Processed<unknown>>;
  committer: Committer;
  /** Why the attempt is to be left now, if it is; asked before each chunk. */
  leaveReason(): 'drain' | 'abort' | undefined;
  /** Aborts when the attempt is to be left: job code that then goes on is abandoned. */
  signal: AbortSignal;
  /** Items in a chunk. */
  interval: number;
}

/** Writes chunks, and tells the store of them. */
export interface Committer {
  /** @returns the partition's counts for this execution, with the chunk */
  write(chunk: ProcessedChunk<unknown>): Promise<Counts>;
  /** Mirrors what was written last, and learns whether the execution goes on, or stops here. */
  mirror(): Promise<'go-on' | 'stop' | 'superseded'>;
  /** Notes that the partition was read to its end. */
  finish(): Promise<void>;
}

/** How the loop ended: at the end of the partition, at a chunk boundary because of a stop, or because it must be left. */
export type LoopEnd = 'completed' | 'stopped' | 'drain' | 'abort' | 'superseded';

/**
 * Reads, processes and commits chunk by chunk. The next chunk is read while one is being written, so at most two
 * chunks are held at a time. The last chunk is not mirrored: the partition's end carries its counts, at once. One with
 * rejections is, since the store may have to say that they were too many.
 */
export async function runChunks(loop: ChunkLoop): Promise<LoopEnd> {
  const { reader, committer } = loop;
  let reading = readAhead(loop);
  try {
    let chunk = await reading;
    while (chunk) {
      const reason = loop.leaveReason();
      if (reason) return reason;
      const processed = await processChunk(chunk, loop);
      reading = readAhead(loop);
      await committer.write(processed);
      chunk = await reading;
      if (!chunk && processed.rejections.length === 0) break;
      const answer = await committer.mirror();
      if (answer === 'stop') return 'stopped';
      if (answer === 'superseded') return answer;
    }
    await committer.finish();
    return 'completed';
  } finally {
    await reading.catch(() => undefined);
    await jobCode(() => reader.close(), loop.signal);
  }
}

/** Begins to read. A failure is kept until somebody waits for it. */
function readAhead({ step, reader, interval, signal }: ChunkLoop): Promise<ReadChunk<unknown> | undefined> {
  const reading = jobCode(() => reader.read(interval), signal).then((chunk) => {
    assertRead(step, chunk, interval);
    return chunk;
  });
  reading.catch(() => undefined);
  return reading;
}

type Processing = Pick<ChunkLoop, 'step' | 'process' | 'signal'>;

/** Sorts what was read into what is written, what is left out and what is refused. */
export async function processChunk(
  chunk: ReadChunk<unknown>,
  { step, process, signal }: Processing,
): Promise<ProcessedChunk<unknown>> {
  const items: unknown[] = [];
  const rejections: Rejection[] = [];
  let filterCount = 0;
  const sort = (processed: Processed<unknown>): void => {
    if (processed === FILTERED) filterCount++;
    else if (processed instanceof Rejection) rejections.push(processed);
    else items.push(processedOf(step, processed));
  };
  await jobCode(async () => {
    for (const item of chunk.items) {
      const processed = process(item);
      // Most are synchronous, and a wait for each would cost more than the item.
      sort(isThenable(processed) ? await jobCode(() => Promise.resolve(processed), signal) : processed);
    }
  });
  return { items, rejections, readCount: chunk.items.length, filterCount, rollbackCount: 0, position: chunk.position };
}
