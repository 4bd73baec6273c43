import { expect } from 'vitest';
import type { Given } from '../endpoint.js';

/** What comes of a source: its refusal, or all that tells of its import. */
export type Outcome =
  { refused: unknown } | { status: string; failures: unknown; counts: unknown; stored: number; rejected: unknown };

/** A source that was made to do harm. */
export interface HostileSource {
  name: string;
  /** Relative to the import directory. */
  source: string;
  /** Makes it, in constant memory. */
  make(importDirectory: string): void | Promise<void>;
  /** Further job parameters. */
  parameters?: Given;
  /** What must come of it. */
  outcome: Outcome;
}

/** A row that is set aside: its number in its file, and how the reason begins. */
export type Rejected = readonly [row: number, reason: string];

/** The start is refused, with this fault of the field `source`. */
export const refused = (fault: RegExp): Outcome => ({
  refused: [{ field: 'source', message: expect.stringMatching(fault) }],
});

/** The execution fails, with this message, and no row is written. */
export const failed = (message: RegExp): Outcome => ({
  status: 'FAILED',
  failures: [expect.stringMatching(message)],
  counts: { readCount: 0, writeCount: 0, filterCount: 0, skipCount: 0 },
  stored: 0,
  rejected: [],
});

/** The execution completes: so many rows are written, and those are left out or set aside. */
export function imported(written: number, filtered = 0, rejected: readonly Rejected[] = []): Outcome {
  const skipCount = rejected.length;
  return {
    status: 'COMPLETED',
    failures: [],
    counts: { readCount: written + filtered + skipCount, writeCount: written, filterCount: filtered, skipCount },
    stored: written,
    rejected: rejected.map(([row, reason]) => ({ row, reason: expect.stringMatching(`^${reason}`) })),
  };
}
