import { beforeAll, describe, expect, it } from 'vitest';
import { generatePassword, hashPassword, passwordMatches } from './passwords.js';

const PASSWORD = generatePassword();
let passwordHash: string;

beforeAll(async () => {
  passwordHash = await hashPassword(PASSWORD);
});

/** The CPU time that something takes, in µs, of all threads of this process: what else the machine does is left out. */
async function timeOf(attempt: () => Promise<unknown>): Promise<number> {
  const begin = process.cpuUsage();
  await attempt();
  const { user, system } = process.cpuUsage(begin);
  return user + system;
}

/** The least time that each takes in several tries. They take turns, so that a busy machine meets all of them. */
async function leastTimes(attempts: readonly (() => Promise<unknown>)[]): Promise<number[]> {
  const least = attempts.map(() => Infinity);
  for (let round = 0; round < 7; round += 1) {
    for (const [i, attempt] of attempts.entries()) least[i] = Math.min(least[i]!, await timeOf(attempt));
  }
  return least;
}

describe('passwordMatches', () => {
  it('tells the right one, and never one of somebody unknown', async () => {
    expect(await passwordMatches(passwordHash, PASSWORD)).toBe(true);
    expect(await passwordMatches(passwordHash, `${PASSWORD} `)).toBe(false);
    expect(await passwordMatches(passwordHash, '')).toBe(false);
    expect(await passwordMatches(undefined, PASSWORD)).toBe(false);
    expect(await passwordMatches('$argon2id$broken', PASSWORD)).toBe(false);
  });

  it('takes as long for a wrong password, and for an unknown user, as for a right one', async () => {
    const [right = 0, wrong = 0, unknown = 0] = await leastTimes([
      () => passwordMatches(passwordHash, PASSWORD),
      () => passwordMatches(passwordHash, 'a guess'),
      () => passwordMatches(undefined, 'a guess'),
    ]);
    // Without the hash it would be a thousandth.
    expect(Math.min(wrong, unknown) / right).toBeGreaterThan(0.5);
    expect(Math.max(wrong, unknown) / right).toBeLessThan(2);
  });
});
