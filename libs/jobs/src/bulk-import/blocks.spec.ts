import { randomBytes } from 'node:crypto';
import { mkdtemp, open, rm, writeFile, type FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { abandonedCode, UnavailableError } from '#job-kit';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { hangingNow } from './answered.js';
import { fileBlocks, gzipBlocks } from './blocks.js';

/** Reads its beginning, and then no more. No mock: those listen to the promises that they return. */
const read = async (buffer: Buffer, _offset: number, _length: number, at: number) => {
  if (at > 0) throw new Error('the disk is gone');
  return { bytesRead: buffer.length, buffer };
};

describe('fileBlocks', () => {
  it('tells of a failed reading whoever comes for the block, and nobody before', async () => {
    const unhandled = vi.fn<(reason: unknown) => void>();
    process.once('unhandledRejection', unhandled);
    const blocks = fileBlocks({ read } as unknown as FileHandle, 'a', 0, 100, () => Buffer.alloc(10));
    await blocks.next();
    // Node tells of what nobody listened to before it turns to the next of these.
    await new Promise(setImmediate);
    await expect(blocks.next()).rejects.toThrow('the disk is gone');
    process.off('unhandledRejection', unhandled);
    expect(unhandled).not.toHaveBeenCalled();
  });
});

const BLOCK_BYTES = 256 * 1024;

describe('a file system that hangs', () => {
  it('is given up, for another worker, and nobody waits for it any longer', async () => {
    let answer!: () => void;
    const late = new Promise<void>((resolve) => (answer = resolve));
    /** Answers at once, and then only when it is well again. */
    const hung = async (buffer: Buffer, _offset: number, _length: number, at: number) => {
      if (at > 0) await late;
      return { bytesRead: buffer.length, buffer };
    };
    const before = [abandonedCode.count, hangingNow()];
    const blocks = fileBlocks({ read: hung } as unknown as FileHandle, 'a.ndjson', 0, 100, () => Buffer.alloc(10), 5);
    await blocks.next();
    const failure: unknown = await blocks.next().catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(UnavailableError);
    expect((failure as Error).message).toBe('The file system has not answered for a.ndjson within 5 ms: it may hang.');
    expect([abandonedCode.count, hangingNow()]).toEqual(before.map((count) => count + 1));
    await blocks.return();
    answer();
    await new Promise(setImmediate);
    expect([abandonedCode.count, hangingNow()]).toEqual(before);
  });
});

describe('gzipBlocks', () => {
  const short = gzipSync('short');
  /** So many bytes that cannot be made fewer, or a few more when they are compressed. */
  const long = gzipSync(randomBytes(4 * BLOCK_BYTES));
  const toBlockEnd = Buffer.alloc(BLOCK_BYTES - (long.length % BLOCK_BYTES));
  let path: string;

  beforeAll(async () => {
    path = join(await mkdtemp(join(tmpdir(), 'longshore-')), 'file.gz');
  });

  afterAll(() => rm(join(path, '..'), { recursive: true }));

  /** Lets a file of these parts be used; it is still open afterwards. */
  async function withFile<T>(parts: Buffer[], use: (blocks: ReturnType<typeof gzipBlocks>) => Promise<T>): Promise<T> {
    const content = Buffer.concat(parts);
    await writeFile(path, content);
    const handle = await open(path);
    try {
      return await use(gzipBlocks(handle, 'file.gz', content.length));
    } finally {
      await handle.stat();
      await handle.close();
    }
  }

  const sizeOf = (parts: Buffer[]): Promise<number> =>
    withFile(parts, async (blocks) => {
      let size = 0;
      for await (const block of blocks) size += block.length;
      return size;
    });

  it.each([
    ['none', [short], 5],
    ['one', [short, Buffer.alloc(1)], 5],
    ['a tape block of them', [short, Buffer.alloc(512)], 5],
    ['some up to the end of a block', [long, toBlockEnd], 4 * BLOCK_BYTES],
    ['many blocks of them', [long, short, Buffer.alloc(12 * BLOCK_BYTES)], 4 * BLOCK_BYTES + 5],
  ])('takes zeros behind the end: %s', async (_, parts, size) => {
    expect(await sizeOf(parts)).toBe(size);
  });

  it.each([
    ['a member', [short, Buffer.alloc(512), short]],
    ['many blocks of members', [short, Buffer.alloc(512), long, long, long]],
    ['members, after many blocks of zeros', [long, Buffer.alloc(3 * BLOCK_BYTES), long, long, long]],
    ['members that begin a block', [long, toBlockEnd, long, long]],
    ['what is no member', [short, Buffer.alloc(512), Buffer.from('more')]],
  ])('refuses what follows such zeros: %s', async (_, parts) => {
    await expect(sizeOf(parts)).rejects.toThrow(
      'file.gz is not a complete gzip file: something follows the zeros at its end.',
    );
  });

  it('lets go of the file when nobody wants more', async () => {
    await withFile([long, long, long], async (blocks) => {
      expect((await blocks.next()).value?.length).toBeGreaterThan(0);
      await blocks.return();
    });
  });
});
