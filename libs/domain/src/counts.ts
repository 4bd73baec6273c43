/** What a step or partition did. Absolute numbers (never increments), each at least 0. */
export interface Counts {
  /** Items read. Always `writeCount + filterCount + skipCount` once a chunk has committed. */
  readCount: number;
  /** Items the sink accepted. */
  writeCount: number;
  /** Items the processor left out on purpose (a blank line, say). */
  filterCount: number;
  /** Items refused as bad, and kept aside. */
  skipCount: number;
  /** Chunks committed. */
  commitCount: number;
  /** Chunks rolled back. */
  rollbackCount: number;
}

export const COUNT_NAMES = [
  'readCount',
  'writeCount',
  'filterCount',
  'skipCount',
  'commitCount',
  'rollbackCount',
] as const satisfies readonly (keyof Counts)[];

export const NO_COUNTS: Counts = {
  readCount: 0,
  writeCount: 0,
  filterCount: 0,
  skipCount: 0,
  commitCount: 0,
  rollbackCount: 0,
};

export const addCounts = (a: Counts, b: Partial<Counts>): Counts => ({
  readCount: a.readCount + (b.readCount ?? 0),
  writeCount: a.writeCount + (b.writeCount ?? 0),
  filterCount: a.filterCount + (b.filterCount ?? 0),
  skipCount: a.skipCount + (b.skipCount ?? 0),
  commitCount: a.commitCount + (b.commitCount ?? 0),
  rollbackCount: a.rollbackCount + (b.rollbackCount ?? 0),
});
