import type { FileHandle } from 'node:fs/promises';
import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { answered } from './answered.js';

/** Bytes in order, a block at a time. Returning from it early frees what it holds. */
export type Blocks = AsyncGenerator<Buffer, void, undefined>;

/**
 * The bytes from `start` to `end` of a file (or to where it ends). While one block is worked on, the next is read.
 *
 * @param file its name, for messages
 * @param allocate gives the memory of block n; one that is given again is overwritten
 */
export async function* fileBlocks(
  handle: FileHandle,
  file: string,
  start: number,
  end: number,
  allocate: (n: number) => Buffer,
  withinMs?: number,
): Blocks {
  const read = (n: number, at: number) => {
    const buffer = allocate(n);
    const reading = answered(file, handle.read(buffer, 0, Math.min(buffer.length, end - at), at), withinMs);
    // A failure is reported when the block is asked for; until then nothing listens.
    reading.catch(() => undefined);
    return reading;
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

const incomplete = (file: string, fault: string) => new Error(`${file} is not a complete gzip file: ${fault}.`);

/**
 * The decompressed bytes of a file of this size. Bytes that are appended meanwhile are ignored: the check against the plan notices them.
 *
 * @throws Error naming the file, if it is truncated or no gzip, or has something else behind its end
 */
export async function* gzipBlocks(handle: FileHandle, file: string, size: number): Blocks {
  const gunzip = createGunzip({ chunkSize: GZIP_BLOCK_BYTES });
  // A failure of either reaches the loop below by the last one. A read stream would close the file when it is ended early.
  const output = pipeline(gzipBytes(handle, file, 0, size), gunzip, () => {});
  try {
    for await (const block of output as AsyncIterable<Buffer>) yield block;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw code?.startsWith('Z_') ? incomplete(file, message) : error;
  }
  if (!(await isPadding(handle, file, gunzip.bytesWritten, size)))
    throw incomplete(file, 'something follows the zeros at its end');
}

/** The bytes as they stand in the file. */
const gzipBytes = (handle: FileHandle, file: string, start: number, end: number): Blocks =>
  fileBlocks(handle, file, start, end, () => Buffer.allocUnsafeSlow(GZIP_BLOCK_BYTES));

const ZEROS = Buffer.alloc(GZIP_BLOCK_BYTES);

/** Whether there is nothing but zeros in between. Node's gunzip ends at the first one behind a member. */
async function isPadding(handle: FileHandle, file: string, start: number, end: number): Promise<boolean> {
  for await (const block of gzipBytes(handle, file, start, end)) {
    if (!block.equals(ZEROS.subarray(0, block.length))) return false;
  }
  return true;
}
