import { describe, expect, it } from 'vitest';
import { ListingLimit } from './listing-limit.js';

/** A reading that ends when it is told to. */
function reading() {
  let end!: () => void;
  const promise = new Promise<string>((resolve) => (end = () => resolve('read')));
  const state = { begun: false, end };
  return Object.assign(state, {
    read: () => {
      state.begun = true;
      return promise;
    },
  });
}

const busy = expect.objectContaining({ code: 'GATEWAY_BUSY', message: expect.stringContaining('busy') });

describe('ListingLimit', () => {
  it('reads so many at a time, and the next one when one ends', async () => {
    const limit = new ListingLimit(2);
    const readings = [reading(), reading(), reading()];
    const answers = readings.map(({ read }) => limit.run(read));
    await Promise.resolve();
    expect(readings.map(({ begun }) => begun)).toEqual([true, true, false]);
    readings[0]!.end();
    await answers[0];
    readings.forEach(({ end }) => end());
    expect(await Promise.all(answers)).toEqual(['read', 'read', 'read']);
  });

  it('is busy, and reads nothing, where the wait takes too long; then goes on', async () => {
    const limit = new ListingLimit(1, 1);
    const [held, late, next] = [reading(), reading(), reading()];
    const first = limit.run(held.read);
    await expect(limit.run(late.read)).rejects.toEqual(busy);
    expect(late.begun).toBe(false);
    held.end();
    next.end();
    expect([await first, await limit.run(next.read)]).toEqual(['read', 'read']);
  });

  it('passes on what a reading throws, and gives its place to others', async () => {
    const limit = new ListingLimit(1);
    await expect(limit.run(() => Promise.reject(new Error('no Redis')))).rejects.toThrow('no Redis');
    expect(await limit.run(async () => 'read')).toBe('read');
  });
});
