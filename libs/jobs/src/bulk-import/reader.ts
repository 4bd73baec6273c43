import type { Json } from '#domain';
import { TransientError, type ChunkReader, type Partition, type ReadChunk } from '#job-kit';
import { refuseWhileHanging } from './answered.js';
import { fileBlocks } from './blocks.js';
import { closeCursor, type Cursor, type GzipCursors } from './gzip-cursors.js';
import { isTransientIo } from './io-errors.js';
import { Lines, type Line } from './lines.js';
import { assertUnchanged, changed, isGzip, shareOf, type Share } from './planned-file.js';
import { openSourceFile } from './source.js';

export interface ReaderOptions {
  importDirectory: string;
  maxLineBytes: number;
  gzipCursors: GzipCursors;
}

/** Where reading goes on: the next row, and in a plain file its first byte. */
type Position = { row: number; byte?: number };

/** Bytes passed for a chunk, those of lines that are too long as well, beyond which it takes no further line. */
const MAX_CHUNK_BYTES = 32 * 1024 * 1024;
const BLOCK_BYTES = 256 * 1024;

/**
 * Reads a partition's lines from a position on; a plain file is sought, a gzip file is passed over up to there.
 *
 * @throws Error if the file has changed since it was planned
 */
export async function openReader(
  options: ReaderOptions,
  partition: Partition,
  position: Json | undefined,
): Promise<ChunkReader<Line>> {
  refuseWhileHanging();
  const share = shareOf(partition);
  const from = (position as Position | undefined) ?? { row: share.firstRow, byte: share.bytes?.start };
  return isGzip(share.file) ? gzipReader(options, share, from) : plainReader(options, share, from);
}

async function plainReader(options: ReaderOptions, share: Share, from: Position): Promise<ChunkReader<Line>> {
  const { row, byte = 0 } = from;
  const handle = await openSourceFile(options.importDirectory, share.file);
  const blocks = fileBlocks(handle, share.file, byte, share.bytes?.end ?? share.size, () =>
    Buffer.allocUnsafeSlow(BLOCK_BYTES),
  );
  const cursor = { handle, lines: new Lines(share.file, blocks, options.maxLineBytes, row, byte) };
  return new PartitionReader(share, cursor, () => closeCursor(cursor));
}

async function gzipReader(options: ReaderOptions, share: Share, from: Position): Promise<ChunkReader<Line>> {
  const cursor = await options.gzipCursors.take(share, from.row);
  const reader = new PartitionReader(share, cursor, (failed) =>
    failed ? closeCursor(cursor) : options.gzipCursors.give(share, cursor),
  );
  await reader.skipTo(from.row);
  return reader;
}

class PartitionReader implements ChunkReader<Line> {
  #pending: Promise<unknown> = Promise.resolve();
  #failed = false;

  constructor(
    private readonly share: Share,
    private readonly cursor: Cursor,
    private readonly release: (failed: boolean) => Promise<void>,
  ) {}

  read(max: number): Promise<ReadChunk<Line> | undefined> {
    return this.#guard(this.#read(max));
  }

  async skipTo(row: number): Promise<void> {
    try {
      if (!(await this.#guard(this.cursor.lines.skipTo(row)))) throw changed(this.share.file);
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  /** A read that is still under way ends first: the cursor may be handed on. */
  async close(): Promise<void> {
    await this.#pending;
    await this.release(this.#failed);
  }

  /** Looks at the file once more after reading, so that no row of a changed file is ever handed out. */
  async #read(max: number): Promise<ReadChunk<Line> | undefined> {
    const items = await this.#lines(max);
    await assertUnchanged(this.share, this.cursor.handle);
    return items.length > 0 ? { items, position: this.#position() } : undefined;
  }

  async #lines(max: number): Promise<Line[]> {
    const { lines } = this.cursor;
    const end = this.share.firstRow + this.share.rows;
    const lastByte = lines.byte + MAX_CHUNK_BYTES;
    const items: Line[] = [];
    while (lines.row < end && items.length < max && lines.byte < lastByte) {
      const line = await lines.next();
      if (!line) throw changed(this.share.file);
      items.push(line);
    }
    return items;
  }

  #position(): Json {
    const { row, byte } = this.cursor.lines;
    return this.share.bytes ? { row, byte } : { row };
  }

  async #guard<T>(work: Promise<T>): Promise<T> {
    this.#pending = work.catch(() => (this.#failed = true));
    try {
      return await work;
    } catch (error) {
      throw error instanceof Error && isTransientIo(error) ? new TransientError(error) : error;
    }
  }
}
