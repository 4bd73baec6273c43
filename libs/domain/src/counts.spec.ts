import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addCounts, COUNT_NAMES, NO_COUNTS, type Counts } from './counts.js';

const someCounts = fc.record(
  Object.fromEntries(COUNT_NAMES.map((name) => [name, fc.nat()])) as Record<keyof Counts, fc.Arbitrary<number>>,
);

describe('counts', () => {
  it('are listed by name, each once', () => {
    expect([...COUNT_NAMES].toSorted()).toEqual(Object.keys(NO_COUNTS).toSorted());
    expect(Object.values(NO_COUNTS)).toEqual([0, 0, 0, 0, 0, 0]);
  });

  it('are added name by name, and left as they were', () => {
    fc.assert(
      fc.property(someCounts, someCounts, (a, b) => {
        const [beforeA, beforeB] = [{ ...a }, { ...b }];
        const sum = addCounts(a, b);
        for (const name of COUNT_NAMES) expect(sum[name]).toBe(a[name] + b[name]);
        expect([a, b]).toEqual([beforeA, beforeB]);
      }),
    );
  });

  it.each(COUNT_NAMES)('takes a missing %s for nothing', (name) => {
    const two = addCounts(NO_COUNTS, { [name]: 2 });
    expect(two).toEqual({ ...NO_COUNTS, [name]: 2 });
    expect(addCounts(two, {})).toEqual(two);
  });
});
