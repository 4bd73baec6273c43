import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLogger } from '#platform';
import { problemJson } from '../problem/problem-json.js';
import type { Problem } from '../problem/problem.js';
import { Authenticator } from './authenticator.js';
import { readBasic } from './credentials.js';
import { ConcurrencyLimit } from '../limits/concurrency-limit.js';
import { LoginQueue } from './login-queue.js';
import { LoginThrottle, PACE_OF_NETWORK, PACE_OF_USER } from './login-throttle.js';
import { hashPassword } from './passwords.js';
import { holds, type User } from './permissions.js';
import { readUsers, Users } from './users-file.js';
import { VerifiedLogins } from './verified-logins.js';

const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`;

describe('readBasic', () => {
  it.each([
    [basic('ada:secret'), { username: 'ada', password: 'secret' }],
    [basic('ada:se:cret').replace('Basic', 'basic'), { username: 'ada', password: 'se:cret' }],
    [basic('žofie:heslo ✓'), { username: 'žofie', password: 'heslo ✓' }],
    [basic('ada:'), { username: 'ada', password: '' }],
  ])('reads %s', (header, credentials) => {
    expect(readBasic(header)).toEqual(credentials);
  });

  it.each([undefined, '', 'Basic', 'Basic !!!', 'Bearer abc', basic('no colon'), basic(`a:${'x'.repeat(2_000)}`)])(
    'takes %j for none',
    (header) => {
      expect(readBasic(header)).toBeUndefined();
    },
  );
});

describe('holds', () => {
  const user: User = {
    username: 'ada',
    permissions: [{ permission: 'VIEW_BATCH_JOBS' }, { permission: 'MANAGE_BATCH_JOBS', argument: 'persistence' }],
  };

  it.each([
    ['VIEW_BATCH_JOBS', 'other', true],
    ['MANAGE_BATCH_JOBS', 'persistence', true],
    ['MANAGE_BATCH_JOBS', 'other', false],
    ['MANAGE_BATCH_JOBS', undefined, true],
  ] as const)('%s on %s: %s', (permission, moduleId, expected) => {
    expect(holds(user, permission, moduleId)).toBe(expected);
  });

  it('gives nothing without a grant', () => {
    expect(holds({ username: 'eve', permissions: [] }, 'VIEW_BATCH_JOBS')).toBe(false);
  });
});

describe('VerifiedLogins', () => {
  const ada = { username: 'ada', password: 'secret' };

  it('remembers for twelve hours after the last use, tells all logins apart and drops the oldest', () => {
    let now = 0;
    const verified = new VerifiedLogins<string>(() => now, 3);
    const keys = ['a', 'b', 'c', 'd'].map((password) => verified.keyOf({ username: 'ada', password }, '::1'));
    keys.forEach((key, i) => verified.set(key, String(i)));
    const found = () => keys.map((key) => verified.get(key));
    expect(found()).toEqual([undefined, '1', '2', '3']);
    now = 11 * 3_600_000;
    expect(verified.get(keys[1]!)).toBe('1');
    now = 12 * 3_600_000;
    expect(found()).toEqual([undefined, '1', undefined, undefined]);
  });

  it('keeps networks apart', () => {
    const verified = new VerifiedLogins(Date.now);
    expect(verified.keyOf(ada, '192.0.2.1')).not.toBe(verified.keyOf(ada, '192.0.2.2'));
  });

  it('makes keys that say nothing in another process', () => {
    expect(new VerifiedLogins(Date.now).keyOf(ada, '::1')).not.toBe(new VerifiedLogins(Date.now).keyOf(ada, '::1'));
  });
});

describe('ConcurrencyLimit', () => {
  it('runs so many side by side, the others in turn, also after a failure', async () => {
    const limit = new ConcurrencyLimit(2, 1);
    const started: number[] = [];
    const ends: ((error?: Error) => void)[] = [];
    const runs = [0, 1, 2].map((i) =>
      limit.run(() => {
        started.push(i);
        return new Promise<void>((resolve, reject) => {
          ends[i] = (error) => (error ? reject(error) : resolve());
        });
      }),
    );
    expect([started, limit.full]).toEqual([[0, 1], true]);
    ends[0]?.(new Error('x'));
    await expect(runs[0]).rejects.toThrow('x');
    await expect.poll(() => started).toEqual([0, 1, 2]);
    expect(limit.full).toBe(false);
    ends.forEach((end) => end());
    await Promise.allSettled(runs);
  });
});

const codeOf = async (attempt: () => User | Promise<User>) => {
  try {
    await attempt();
    return 'let in';
  } catch (error) {
    return (error as Problem).code;
  }
};

describe('Authenticator', () => {
  const directory = mkdtempSync(join(tmpdir(), 'longshore-users-'));
  const path = join(directory, 'users.json');
  const log = createLogger('test', 'silent');
  let passwordHash: string;
  let users: Users;
  const write = (entries: readonly object[]) => writeFileSync(path, JSON.stringify(entries));
  const open = () =>
    new Authenticator(
      users,
      new VerifiedLogins<User>(Date.now),
      new LoginQueue(new LoginThrottle(Date.now, PACE_OF_USER), new LoginThrottle(Date.now, PACE_OF_NETWORK)),
      log,
    );
  beforeAll(async () => {
    passwordHash = await hashPassword('right-password');
    write([{ username: 'ada', passwordHash, permissions: [] }]);
    users = new Users(path, log);
  });
  afterAll(() => {
    users.close();
    rmSync(directory, { recursive: true });
  });

  it('lets a right password in, and again without hashing it', async () => {
    const authenticator = open();
    const header = basic('ada:right-password');
    const first = authenticator.authenticate(header, '::1');
    expect(first).toBe(authenticator.authenticate(header, '::1'));
    expect(await first).toMatchObject({ username: 'ada' });
    expect(authenticator.authenticate(header, '::1')).toMatchObject({ username: 'ada' });
  });

  it('refuses a wrong password and an unknown user alike', async () => {
    const authenticator = open();
    const attempts = ['ada:wrong', 'eve:right-password'].map((text) =>
      Promise.resolve(authenticator.authenticate(basic(text), '::1')).catch((error: Problem) => error),
    );
    const [wrong, unknown] = (await Promise.all(attempts)) as Problem[];
    expect(wrong).toMatchObject({ code: 'UNAUTHENTICATED' });
    const place = { path: '/', operation: undefined, requestId: 'r-1' };
    expect(problemJson(unknown!, place)).toEqual(problemJson(wrong!, place));
    expect(JSON.stringify([wrong, unknown])).not.toContain('$argon2id$');
    expect(wrong?.headers['WWW-Authenticate']).toContain('Basic realm="Longshore"');
  });

  it('lets a user in who was in before, however many guess from the same network', async () => {
    const authenticator = open();
    const login = (password: string) => codeOf(() => authenticator.authenticate(basic(`ada:${password}`), '::1'));
    expect(await login('right-password')).toBe('let in');
    const guesses = Array.from({ length: 20 }, (_, i) => login(`guess ${i}`));
    expect(await login('right-password')).toBe('let in');
    // Four are free, the fifth costs a wait behind it, five wait, and the others are refused.
    const refused = await Promise.all(guesses.slice(10));
    expect(refused).toEqual(refused.map(() => 'TOO_MANY_FAILED_LOGINS'));
  });

  it('forgets who was let in once the file changes', async () => {
    const authenticator = open();
    const header = basic('ada:right-password');
    await authenticator.authenticate(header, '::1');
    const changed = new Promise<void>((resolve) => users.watch(resolve));
    write([{ username: 'someone else', passwordHash, permissions: [] }]);
    await changed;
    expect(await codeOf(() => authenticator.authenticate(header, '::1'))).toBe('UNAUTHENTICATED');
  });

  it.each([
    ['not json', 'it is not JSON'],
    ['{}', 'expected array'],
    ['[{"username":"a:b","passwordHash":"$argon2id$x","permissions":[]}]', '0.username'],
    ['[{"username":"a","passwordHash":"plain","permissions":[]}]', '0.passwordHash'],
    ['[{"username":"a","passwordHash":"$argon2id$x","permissions":[{"permission":"ALL"}]}]', '0.permissions.0'],
  ])('refuses the users file %s', (text, reason) => {
    const bad = join(directory, 'bad.json');
    writeFileSync(bad, text);
    expect(() => readUsers(bad)).toThrow(reason);
  });
});
