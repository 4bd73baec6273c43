import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { AbandonedCode } from './abandoned-code.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

it('knows how much code still runs, and for how long the first of it has', async () => {
  const code = new AbandonedCode();
  expect([code.count, code.longestMs]).toEqual([0, 0]);
  code.add(sleep(3_000));
  await vi.advanceTimersByTimeAsync(1_000);
  code.add(sleep(4_000));
  expect([code.count, code.longestMs]).toEqual([2, 1_000]);
  await vi.advanceTimersByTimeAsync(2_000);
  expect([code.count, code.longestMs]).toEqual([1, 2_000]);
});

it('forgets code that ends with an error, too', async () => {
  const code = new AbandonedCode();
  code.add(Promise.reject(new Error('disk full')));
  await vi.advanceTimersByTimeAsync(0);
  expect(code.count).toBe(0);
});
