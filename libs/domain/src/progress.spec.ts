import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { paceOf, type ProgressFacts } from './progress.js';

const half: ProgressFacts = { done: 500, left: 500, startTime: 1_000, until: 3_000, running: true };

describe('paceOf', () => {
  it('tells rows a second, and the end at that pace', () => {
    expect(paceOf(half)).toEqual({ rowsPerSecond: 250, estimatedEndTime: 5_000 });
  });

  it('rounds to one decimal', () => {
    expect(paceOf({ ...half, done: 1, until: 4_000 }).rowsPerSecond).toBe(0.3);
  });

  it('estimates no end for what has ended', () => {
    expect(paceOf({ ...half, running: false })).toEqual({ rowsPerSecond: 250, estimatedEndTime: undefined });
  });

  it.each<[string, Partial<ProgressFacts>]>([
    ['before the start', { startTime: undefined }],
    ['before the first row', { done: 0 }],
    ['in its first millisecond', { until: 1_000 }],
    ['where clocks disagree', { until: 900 }],
  ])('tells nothing %s', (_when, changes) => {
    expect(paceOf({ ...half, ...changes })).toEqual({ rowsPerSecond: undefined, estimatedEndTime: undefined });
  });

  it('never estimates an end that has passed', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1 }), fc.nat(), fc.integer({ min: 1, max: 1e9 }), (done, left, elapsed) => {
        const { estimatedEndTime } = paceOf({ done, left, startTime: 0, until: elapsed, running: true });
        expect(estimatedEndTime).toBeGreaterThanOrEqual(elapsed);
      }),
    );
  });
});
