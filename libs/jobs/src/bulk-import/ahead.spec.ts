import { describe, expect, it } from 'vitest';
import { oneAfterTheOther } from './ahead.js';

/** Sources that yield their number `size` times and keep a record of what became of them. */
function sourcesOf(count: number, size: number, failing = -1) {
  const events: string[] = [];
  async function* source(n: number) {
    events.push(`begin ${n}`);
    try {
      for (let i = 0; i < size; i++) yield n;
      if (n === failing) throw new Error(`source ${n} is broken`);
    } finally {
      events.push(`end ${n}`);
    }
  }
  return { events, sources: Array.from({ length: count }, (_, n) => source(n)) };
}

describe('oneAfterTheOther', () => {
  it('gives all items in order, more than it holds of each', async () => {
    const { sources } = sourcesOf(3, 2_500);
    const items: number[] = [];
    for await (const item of oneAfterTheOther(sources, 1)) items.push(item);
    expect(items).toEqual([0, 1, 2].flatMap((n) => Array.from({ length: 2_500 }, () => n)));
  });

  it('has begun the next ones, and no more, when the first gives an item', async () => {
    const { sources, events } = sourcesOf(5, 2_500);
    const items = oneAfterTheOther(sources, 2);
    await items.next();
    expect(events).toEqual(['begin 0', 'begin 1', 'begin 2']);
    await items.return();
  });

  it('ends what it has begun when nobody wants more', async () => {
    const { sources, events } = sourcesOf(3, 2_500);
    for await (const item of oneAfterTheOther(sources, 1)) {
      if (item === 0) break;
    }
    await expect.poll(() => events.filter((event) => event.startsWith('end')).toSorted()).toEqual(['end 0', 'end 1']);
  });

  it('throws what a source throws, at its place, even if that was long before', async () => {
    const { sources } = sourcesOf(3, 10, 1);
    const items: number[] = [];
    const all = async () => {
      for await (const item of oneAfterTheOther(sources, 2)) items.push(item);
    };
    await expect(all()).rejects.toThrow('source 1 is broken');
    expect(items.filter((n) => n === 0)).toHaveLength(10);
    expect(items).not.toContain(2);
  });

  it('gives nothing of nothing', async () => {
    expect((await oneAfterTheOther([], 3).next()).done).toBe(true);
  });
});
