import type { FileHandle } from 'node:fs/promises';
import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';

/** Bytes in order, a block at a time. Returning from it early frees what it holds. */
export type Blocks = AsyncGenerator<Buffer, void, undefined>;

/**
 * The bytes from `start` to `end` of a file (or to where it ends). While one block is worked on, the next is read.
 *
 * @param allocate gives the memory of block n; one that is given again is overwritten
 */
export async function* fileBlocks(
  handle: FileHandle,
  start: number,
  end: number,
  allocate: (n: number) => Buffer,
): Blocks {
  const read = (n: number, at: number) => {
    const buffer = allocate(n);
    return handle.read(buffer, 0, Math.min(buffer.length, end - at), at);
  };
  let pending = read(0, start);
  try {
    for (let n = 1, at = start; ; n++) {
      const { bytesRead, buffer } = await pending;
      if (bytesRead === 0) return;
      at += bytesRead;
      pending = read(n, at);
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await pending.catch(() => {});
  }
}

const GZIP_BLOCK_BYTES = 256 * 1024;

/**
 * The decompressed bytes of a file.
 *
 * @throws Error naming the file, if it is truncated or no gzip
 */
export async function* gzipBlocks(handle: FileHandle, file: string): Blocks {
  const input = handle.createReadStream({ start: 0, autoClose: false, highWaterMark: GZIP_BLOCK_BYTES });
  // A failure of either stream reaches the loop below by the last one.
  const output = pipeline(input, createGunzip({ chunkSize: GZIP_BLOCK_BYTES }), () => {});
  try {
    for await (const block of output as AsyncIterable<Buffer>) yield block;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw code?.startsWith('Z_') ? new Error(`${file} is not a complete gzip file: ${message}.`) : error;
  }
}
