import { hash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import type { Partition } from '#job-kit';
import { answered } from './answered.js';

/** A file as the plan saw it. */
export interface PlannedFile {
  /** Relative to the import directory. */
  file: string;
  /** In bytes. */
  size: number;
  /** A digest of its inode, modification time and change time: an edit changes it, even one that puts the modification time back. */
  version: string;
}

/** A partition's share of a file. */
export type Share = PlannedFile & {
  /** From 0 within the file: a row is a physical line. */
  firstRow: number;
  rows: number;
  /** Byte range of the rows, the end exclusive; absent for gzip, which cannot be sought. */
  bytes?: { start: number; end: number };
};

/** `Partition.data` of a share: what the partition does not say itself, without names, as a plan may hold many. */
type ShareData = [file: string, size: number, version: string, firstRow: number, start?: number, end?: number];

export function partitionOf(label: string, { file, size, version, firstRow, rows, bytes }: Share): Partition {
  const data: ShareData = [file, size, version, firstRow];
  if (bytes) data.push(bytes.start, bytes.end);
  return { label: `${label}:Rows ${firstRow} - ${firstRow + rows - 1}`, rows, data: data as Partition['data'] };
}

/** The share of a partition that {@link partitionOf} made. */
export function shareOf({ rows, data }: Partition): Share {
  const [file, size, version, firstRow, start, end] = data as unknown as ShareData;
  const share = { file, size, version, firstRow, rows };
  return start === undefined || end === undefined ? share : { ...share, bytes: { start, end } };
}

export const isGzip = (file: string): boolean => file.endsWith('.gz');

const VERSION_CHARACTERS = 11;

export async function observe(file: string, handle: FileHandle): Promise<PlannedFile> {
  const { size, mtimeNs, ctimeNs, ino } = await answered(file, handle.stat({ bigint: true }));
  const version = hash('sha256', `${mtimeNs}/${ctimeNs}/${ino}`, 'base64url').slice(0, VERSION_CHARACTERS);
  return { file, size: Number(size), version };
}

/** @throws Error if the file is not what the plan saw: its rows may no longer be where they were */
export async function assertUnchanged(planned: PlannedFile, handle: FileHandle): Promise<void> {
  const { size, version } = await observe(planned.file, handle);
  if (size !== planned.size || version !== planned.version) throw changed(planned.file);
}

export const changed = (file: string): Error => new Error(`${file} has changed since it was planned; start a new job.`);
