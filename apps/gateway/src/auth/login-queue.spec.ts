import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { LoginQueue, LoginQueueFullError } from './login-queue.js';
import { LoginThrottle, PACE_OF_NETWORK, PACE_OF_USER, waitAfter } from './login-throttle.js';

const HOME = '192.0.2.1';

let queue: LoginQueue;

beforeEach(() => {
  vi.useFakeTimers();
  queue = new LoginQueue(new LoginThrottle(Date.now, PACE_OF_USER), new LoginThrottle(Date.now, PACE_OF_NETWORK));
});

afterEach(() => vi.useRealTimers());

/** Tries that fail, in the order of their turns. */
function track() {
  const turns: string[] = [];
  const attempt = (name: string, username = 'ada', network = HOME) =>
    queue.turn(network, username).then(
      () => turns.push(name),
      (error: unknown) => turns.push(error instanceof LoginQueueFullError ? `${name} refused` : String(error)),
    );
  return { turns, attempt };
}

const after = (ms: number) => vi.advanceTimersByTimeAsync(ms);

describe('waitAfter', () => {
  it('is nothing for the first failures, then doubles up to a limit', () => {
    const waits = [1, 4, 5, 6, 7, 8, 99].map((failures) => waitAfter(failures, PACE_OF_USER));
    expect(waits).toEqual([0, 0, 1_000, 2_000, 4_000, 5_000, 5_000]);
    expect([40, 41, 99].map((failures) => waitAfter(failures, PACE_OF_NETWORK))).toEqual([0, 1_000, 1_000]);
  });
});

describe('LoginThrottle', () => {
  it('forgets after a quarter of an hour, and holds no more than its capacity', () => {
    const throttle = new LoginThrottle(Date.now, PACE_OF_USER, 2);
    for (let i = 0; i < 5; i += 1) throttle.begin('a');
    expect(throttle.waitOf('a')).toBe(1_000);
    throttle.begin('b');
    throttle.begin('c');
    expect(throttle.waitOf('a')).toBe(0);
    vi.advanceTimersByTime(20 * 60_000);
    expect(throttle.begin('c')).toBe(1);
  });
});

describe('LoginQueue', () => {
  it('lets the first tries pass, then one at a time, ever more slowly', async () => {
    const { turns, attempt } = track();
    for (const name of ['1', '2', '3', '4', '5', '6', '7']) void attempt(name);
    await after(0);
    expect(turns).toEqual(['1', '2', '3', '4', '5']);
    await after(999);
    expect(turns).toHaveLength(5);
    await after(1);
    expect(turns.slice(5)).toEqual(['6']);
    await after(2_000);
    expect(turns.slice(6)).toEqual(['7']);
  });

  it('lets a right password in behind two who guess without end', async () => {
    const { turns, attempt } = track();
    const guess = async (name: string): Promise<void> => {
      for (let i = 0; i < 100; i += 1) await attempt(name);
    };
    void guess('first guesser');
    void guess('second guesser');
    await after(60_000);
    turns.length = 0;
    void attempt('victim');
    await after(3 * PACE_OF_USER.longestWait);
    expect(turns).toContain('victim');
  });

  it('refuses only what finds too many waiting, and says when to come back', async () => {
    const { turns, attempt } = track();
    for (let i = 1; i <= 12; i += 1) void attempt(String(i));
    await after(0);
    expect(turns.toSorted()).toEqual(['1', '11 refused', '12 refused', '2', '3', '4', '5']);
    await expect(queue.turn(HOME, 'ada')).rejects.toMatchObject({ wait: 1_000 });
  });

  it('has the usernames of a network take turns, and keeps networks apart', async () => {
    const { turns, attempt } = track();
    for (let i = 0; i < 41; i += 1) void attempt('spray', `name ${i}`);
    for (const name of ['a1', 'a2', 'a3']) void attempt(name, 'ada');
    void attempt('bob', 'bob');
    await after(0);
    expect(turns).toHaveLength(41);
    await after(2_000);
    expect(turns.slice(41)).toEqual(['a1', 'bob']);
    void attempt('elsewhere', 'ada', '192.0.2.2');
    await after(0);
    expect(turns.at(-1)).toBe('elsewhere');
  });

  it('gives guessers no new tries when somebody else has logged in', async () => {
    const { turns, attempt } = track();
    for (let i = 1; i <= 6; i += 1) void attempt(String(i));
    await after(1_000);
    queue.succeeded(HOME, 'ada');
    turns.length = 0;
    for (const name of ['7', '8']) void attempt(name);
    await after(0);
    expect(turns).toEqual(['7']);
  });
});
