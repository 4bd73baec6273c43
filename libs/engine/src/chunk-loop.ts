import type { Counts } from '#domain';
import { FILTERED, Rejection, type ChunkReader, type Processed, type ProcessedChunk, type ReadChunk } from '#job-kit';
import { jobCode } from './job-code.js';

export interface ChunkLoop {
  reader: ChunkReader<unknown>;
  process(item: unknown): Processed<unknown>;
  committer: Committer;
  /** Throws if the attempt must be left now; asked before each chunk. */
  leaveIfTold(): void;
  /** Items in a chunk. */
  interval: number;
}

/** Writes chunks, and tells the store of them. */
export interface Committer {
  /** @returns the partition's counts for this execution, with the chunk */
  write(chunk: ProcessedChunk<unknown>): Promise<Counts>;
  /** Mirrors what was written last, and learns whether the execution goes on, or stops here. */
  mirror(): Promise<'go-on' | 'stop'>;
}

/** How the loop ended: at the end of the partition, or at a chunk boundary because of a stop. */
export interface LoopEnd {
  status: 'COMPLETED' | 'STOPPED';
  counts: Counts;
}

/**
 * Reads, processes and commits chunk by chunk. The next chunk is read while one is being written, so at most two
 * chunks are held at a time. The last chunk is not mirrored: the partition's end carries its counts, at once. One with
 * rejections is, since the store may have to say that they were too many.
 */
export async function runChunks(loop: ChunkLoop, noChunk: Counts): Promise<LoopEnd> {
  const { reader, committer } = loop;
  let reading = readAhead(loop);
  let counts = noChunk;
  try {
    let chunk = await reading;
    while (chunk) {
      loop.leaveIfTold();
      const current = chunk;
      const processed = await jobCode(() => processChunk(current, loop.process));
      reading = readAhead(loop);
      counts = await committer.write(processed);
      chunk = await reading;
      if (!chunk && processed.rejections.length === 0) break;
      if ((await committer.mirror()) === 'stop') return { status: 'STOPPED', counts };
    }
    return { status: 'COMPLETED', counts };
  } finally {
    await reading.catch(() => undefined);
    await jobCode(() => reader.close());
  }
}

/** Begins to read. A failure is kept until somebody waits for it. */
function readAhead({ reader, interval }: ChunkLoop): Promise<ReadChunk<unknown> | undefined> {
  const reading = jobCode(() => reader.read(interval));
  reading.catch(() => undefined);
  return reading;
}

/** Sorts what was read into what is written, what is left out and what is refused. */
export function processChunk(chunk: ReadChunk<unknown>, process: ChunkLoop['process']): ProcessedChunk<unknown> {
  const items: unknown[] = [];
  const rejections: Rejection[] = [];
  let filterCount = 0;
  for (const item of chunk.items) {
    const processed = process(item);
    if (processed === FILTERED) filterCount++;
    else if (processed instanceof Rejection) rejections.push(processed);
    else items.push(processed);
  }
  return { items, rejections, readCount: chunk.items.length, filterCount, rollbackCount: 0, position: chunk.position };
}
