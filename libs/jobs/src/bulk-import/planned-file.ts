import type { FileHandle } from 'node:fs/promises';
import type { Json } from '#domain';

/** A file as the plan saw it. */
export interface PlannedFile {
  /** Relative to the import directory. */
  file: string;
  /** In bytes. */
  size: number;
  mtimeMs: number;
}

/** A partition's share of a file: what stands in `Partition.data`. */
export type Share = PlannedFile & {
  /** From 0 within the file: a row is a physical line. */
  firstRow: number;
  rows: number;
  /** Byte range of the rows, the end exclusive; absent for gzip, which cannot be sought. */
  start?: number;
  end?: number;
};

/** The only writer of `Partition.data` is `split`. */
export const shareOf = (data: Json): Share => data as unknown as Share;

export const isGzip = (file: string): boolean => file.endsWith('.gz');

export async function observe(file: string, handle: FileHandle): Promise<PlannedFile> {
  const { size, mtimeMs } = await handle.stat();
  return { file, size, mtimeMs };
}

/** @throws Error if the file is not what the plan saw: its rows may no longer be where they were */
export async function assertUnchanged(planned: PlannedFile, handle: FileHandle): Promise<void> {
  const { size, mtimeMs } = await observe(planned.file, handle);
  if (size !== planned.size || mtimeMs !== planned.mtimeMs) throw changed(planned.file);
}

export const changed = (file: string): Error => new Error(`${file} has changed since it was planned; start a new job.`);
