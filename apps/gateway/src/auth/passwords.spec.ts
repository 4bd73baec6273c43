import { beforeAll, describe, expect, it } from 'vitest';
import { generatePassword, hashPassword, passwordMatches } from './passwords.js';

const PASSWORD = generatePassword();
let passwordHash: string;

beforeAll(async () => {
  passwordHash = await hashPassword(PASSWORD);
});

/** The least CPU time of several tries, in µs, of all threads of this process: what else the machine does is left out. */
async function leastTime(attempt: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < 7; i += 1) {
    const begin = process.cpuUsage();
    await attempt();
    const { user, system } = process.cpuUsage(begin);
    times.push(user + system);
  }
  return Math.min(...times);
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
    const right = await leastTime(() => passwordMatches(passwordHash, PASSWORD));
    const wrong = await leastTime(() => passwordMatches(passwordHash, 'a guess'));
    const unknown = await leastTime(() => passwordMatches(undefined, 'a guess'));
    // Without the hash it would be a thousandth.
    expect(Math.min(wrong, unknown) / right).toBeGreaterThan(0.5);
    expect(Math.max(wrong, unknown) / right).toBeLessThan(2);
  });
});
