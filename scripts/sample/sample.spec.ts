import { describe, expect, it } from 'vitest';
import { SAMPLE_COUNTS, sampleResources } from './sample.js';

const first = (seed: number) => JSON.stringify(sampleResources(seed).next().value);

describe('the sample', () => {
  const resources = [...sampleResources(1)];

  it('has exactly the promised number of each type', () => {
    const counts: Record<string, number> = {};
    for (const { resourceType } of resources) counts[resourceType] = (counts[resourceType] ?? 0) + 1;
    expect(counts).toEqual(SAMPLE_COUNTS);
    expect(resources).toHaveLength(50_000);
  });

  it('never uses an id twice', () => {
    expect(new Set(resources.map(({ id }) => id)).size).toBe(resources.length);
  });

  it('refers only to resources that stand before', () => {
    const known = new Set<string>();
    const dangling = resources.filter(({ resourceType, id, subject, encounter }) => {
      known.add(`${resourceType}/${id}`);
      const links = [subject, encounter] as ({ reference: string } | undefined)[];
      return links.some((link) => link !== undefined && !known.has(link.reference));
    });
    expect(dangling).toEqual([]);
  });

  it('is the same for the same seed, and another for another', () => {
    expect(first(7)).toBe(first(7));
    expect(first(7)).not.toBe(first(8));
  });
});
