import type { Counts } from '#domain';
import { FILTERED, Rejection, type ChunkReader, type Processed, type ProcessedChunk, type ReadChunk } from '#job-kit';
import { jobCode } from './job-code.js';

/** What a committed chunk led to. */
export interface Committed {
  /** The partition's counts for this execution, with the chunk. */
  counts: Counts;
  /** Whether the execution goes on, or stops here. */
  verdict: 'go-on' | 'stop';
}

export interface ChunkLoop {
  reader: ChunkReader<unknown>;
  process(item: unknown): Processed<unknown>;
  /** Writes and mirrors a chunk. */
  commit(chunk: ProcessedChunk<unknown>): Promise<Committed>;
  /** Throws if the attempt must be left now; asked before each chunk. */
  leaveIfTold(): void;
  /** Items in a chunk. */
  interval: number;
}

/** How the loop ended: at the end of the partition, or at a chunk boundary because of a stop. */
export interface LoopEnd {
  status: 'COMPLETED' | 'STOPPED';
  counts: Counts;
}

/**
 * Reads, processes and commits chunk by chunk. The next chunk is read while one is being committed, so at most two
 * chunks are held at a time.
 *
 * @param counts what this execution has already committed in the partition
 */
export async function runChunks(loop: ChunkLoop, counts: Counts): Promise<LoopEnd> {
  let reading = readAhead(loop);
  try {
    for (;;) {
      loop.leaveIfTold();
      const chunk = await reading;
      if (!chunk) return { status: 'COMPLETED', counts };
      const processed = await jobCode(() => processChunk(chunk, loop.process));
      reading = readAhead(loop);
      const committed = await loop.commit(processed);
      counts = committed.counts;
      if (committed.verdict === 'stop') return { status: 'STOPPED', counts };
    }
  } finally {
    await reading.catch(() => undefined);
    await loop.reader.close();
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
