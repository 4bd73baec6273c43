import type { Partition } from '#job-kit';
import { close } from './answered.js';
import { fileBlocks, gzipBlocks, type Blocks } from './blocks.js';
import { assertUnchanged, isGzip, observe, partitionOf } from './planned-file.js';
import { openSourceFile } from './source.js';

const BLOCK_BYTES = 1024 * 1024;
const NEWLINE = 0x0a;

/** A share of a stream of lines: rows from `firstRow` on, bytes from `start` to `end`, which is exclusive. */
interface Range {
  firstRow: number;
  rows: number;
  start: number;
  end: number;
}

/**
 * Divides a file into partitions of `rowsPerPartition` rows, the last one with what is left, in one pass and in
 * constant memory. An empty file has none.
 *
 * @param file relative to the import directory
 * @param label names the file in the step names, e.g. `FILE0`
 * @throws Error if the file changes meanwhile: one that is emptied would otherwise read like one that always was
 */
export async function* split(
  importDirectory: string,
  file: string,
  label: string,
  rowsPerPartition: number,
): AsyncGenerator<Partition> {
  const handle = await openSourceFile(importDirectory, file);
  try {
    const planned = await observe(file, handle);
    if (planned.size === 0) return;
    const gzip = isGzip(file);
    const blocks = gzip
      ? gzipBlocks(handle, file, planned.size)
      : fileBlocks(handle, file, 0, planned.size, twoInTurn());
    for await (const { firstRow, rows, start, end } of ranges(blocks, rowsPerPartition)) {
      yield partitionOf(label, { ...planned, firstRow, rows, ...(gzip ? {} : { bytes: { start, end } }) });
    }
    await assertUnchanged(planned, handle);
  } finally {
    await close(handle);
  }
}

/** While one buffer is looked through, the other is filled. */
function twoInTurn(): (n: number) => Buffer {
  const buffers = [Buffer.allocUnsafeSlow(BLOCK_BYTES), Buffer.allocUnsafeSlow(BLOCK_BYTES)] as const;
  return (n) => buffers[(n % 2) as 0 | 1];
}

async function* ranges(blocks: Blocks, rowsPerRange: number): AsyncGenerator<Range> {
  let range: Range = { firstRow: 0, rows: 0, start: 0, end: 0 };
  let passed = 0;
  for await (const block of blocks) {
    for (let at = block.indexOf(NEWLINE); at !== -1; at = block.indexOf(NEWLINE, at + 1)) {
      range.rows++;
      range.end = passed + at + 1;
      if (range.rows < rowsPerRange) continue;
      yield range;
      range = { firstRow: range.firstRow + range.rows, rows: 0, start: range.end, end: range.end };
    }
    passed += block.length;
  }
  // What follows the last newline is a row too.
  if (passed > range.end) range = { ...range, rows: range.rows + 1, end: passed };
  if (range.rows > 0) yield range;
}
