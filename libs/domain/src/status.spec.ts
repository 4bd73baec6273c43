import { describe, expect, it } from 'vitest';
import { BATCH_STATUSES, FORCE_STOP_FROM, isRunning, mayBecome, NEXT, sourcesOf, type BatchStatus } from './status.js';

/** The state machine's picture: a cross where the row may become the column. */
const PICTURE = `
           STARTING STARTED STOPPING STOPPED FAILED COMPLETED ABANDONED UNKNOWN
STARTING   .        x       x        .       x      .         .         .
STARTED    .        .       x        .       x      x         .         .
STOPPING   .        .       .        x       x      .         .         .
STOPPED    .        .       .        .       .      .         x         .
FAILED     .        .       .        .       .      .         x         .
COMPLETED  .        .       .        .       .      .         .         .
ABANDONED  .        .       .        .       .      .         .         .
UNKNOWN    .        .       .        .       .      .         .         .`;

const [columns = [], ...rows] = PICTURE.trim()
  .split('\n')
  .map((line) => line.trim().split(/\s+/));

const moves = rows.flatMap(([from, ...marks]) =>
  marks.map((mark, i) => ({ from: from as BatchStatus, to: columns[i] as BatchStatus, allowed: mark === 'x' })),
);

describe('the state machine', () => {
  it('is drawn for every status', () => {
    expect(columns).toEqual(BATCH_STATUSES);
    expect(rows.map(([from]) => from)).toEqual(BATCH_STATUSES);
  });

  it.each(moves)('$from → $to: $allowed', ({ from, to, allowed }) => {
    expect(mayBecome(from, to)).toBe(allowed);
    expect((NEXT[from] as readonly string[]).includes(to)).toBe(allowed);
    expect(sourcesOf(to).includes(from)).toBe(allowed);
  });

  it('lets nothing that has ended run again', () => {
    const revived = moves.filter(({ from, to, allowed }) => allowed && !isRunning(from) && isRunning(to));
    expect(revived).toEqual([]);
  });

  it('can leave every running status for an end', () => {
    const ends = (from: BatchStatus): boolean => !isRunning(from) || NEXT[from].some(ends);
    expect(BATCH_STATUSES.filter((status) => !ends(status))).toEqual([]);
  });
});

describe('isRunning', () => {
  it('holds for STARTING, STARTED and STOPPING alone', () => {
    expect(BATCH_STATUSES.filter(isRunning)).toEqual(['STARTING', 'STARTED', 'STOPPING']);
  });
});

describe('a force stop', () => {
  it('is possible from every status', () => {
    expect(FORCE_STOP_FROM).toEqual(BATCH_STATUSES);
  });
});
