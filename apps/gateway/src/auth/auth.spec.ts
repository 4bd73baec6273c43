import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLogger } from '#platform';
import type { Problem } from '../problem/problem.js';
import { Authenticator } from './authenticator.js';
import { readBasic } from './credentials.js';
import { ConcurrencyLimit } from './concurrency-limit.js';
import { FREE_FAILURES, FREE_FAILURES_OF_ADDRESS, LoginThrottle, waitAfter } from './login-throttle.js';
import { hashPassword } from './passwords.js';
import { holds, type User } from './permissions.js';
import { readUsers, Users } from './users-file.js';
import { VerifiedCache } from './verified-cache.js';

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

describe('VerifiedCache', () => {
  it('remembers for five minutes, tells all credentials apart and drops the oldest', () => {
    let now = 0;
    const cache = new VerifiedCache<string>(() => now, 2);
    const keys = ['a', 'b', 'c'].map((password) => cache.keyOf({ username: 'ada', password }));
    keys.forEach((key, i) => cache.set(key, String(i)));
    expect(keys.map((key) => cache.get(key))).toEqual([undefined, '1', '2']);
    now = 5 * 60_000;
    expect(keys.map((key) => cache.get(key))).toEqual([undefined, undefined, undefined]);
  });

  it('makes keys that say nothing in another process', () => {
    const credentials = { username: 'ada', password: 'secret' };
    expect(new VerifiedCache(Date.now).keyOf(credentials)).not.toBe(new VerifiedCache(Date.now).keyOf(credentials));
  });
});

describe('LoginThrottle', () => {
  it('lets some failures pass, then doubles the wait up to a limit', () => {
    expect([1, 4, 5, 6, 7, 9, 10, 99].map((failures) => waitAfter(failures))).toEqual([
      0, 0, 1_000, 2_000, 4_000, 16_000, 30_000, 30_000,
    ]);
  });

  it('refuses without lengthening the wait, and lets in again after it', () => {
    let now = 0;
    const throttle = new LoginThrottle(() => now);
    const begin = () => throttle.begin('::1 ada');
    expect([begin(), begin(), begin(), begin(), begin(), begin(), begin()]).toEqual([0, 0, 0, 0, 0, 1_000, 1_000]);
    now = 1_000;
    expect(begin()).toBe(0);
    expect(begin()).toBe(2_000);
    throttle.succeeded('::1 ada');
    expect(begin()).toBe(0);
  });

  it('keeps callers apart, forgets after a while, and holds no more than its capacity', () => {
    let now = 0;
    const throttle = new LoginThrottle(() => now, FREE_FAILURES, 2);
    for (let i = 0; i < 5; i += 1) throttle.begin('a');
    expect(throttle.begin('b')).toBe(0);
    expect(throttle.begin('a')).toBe(1_000);
    throttle.begin('c');
    expect(throttle.begin('a')).toBe(0);
    for (let i = 0; i < 4; i += 1) throttle.begin('a');
    now = 20 * 60_000;
    expect([throttle.begin('a'), throttle.begin('a')]).toEqual([0, 0]);
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
  const open = (now = () => 0) =>
    new Authenticator(
      users,
      new VerifiedCache<User>(now),
      new LoginThrottle(now),
      new LoginThrottle(now, FREE_FAILURES_OF_ADDRESS),
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
    expect(unknown).toEqual(wrong);
    expect(wrong?.headers['WWW-Authenticate']).toContain('Basic realm="Longshore"');
  });

  it('slows guessing down, but neither who is known already nor anybody for ever', async () => {
    let now = 0;
    const authenticator = open(() => now);
    const login = (password: string) => codeOf(() => authenticator.authenticate(basic(`ada:${password}`), '::1'));
    expect(await login('right-password')).toBe('let in');
    for (const guess of [1, 2, 3, 4, 5]) expect(await login(`guess ${guess}`)).toBe('UNAUTHENTICATED');
    expect(await login('guess 6')).toBe('TOO_MANY_FAILED_LOGINS');
    expect(await login('right-password')).toBe('let in');
    now = 1_000;
    expect(await login('guess 7')).toBe('UNAUTHENTICATED');
  });

  it('slows down whoever tries many names from one address', async () => {
    const throttle = new LoginThrottle(() => 0, 2);
    const authenticator = new Authenticator(
      users,
      new VerifiedCache<User>(() => 0),
      new LoginThrottle(() => 0),
      throttle,
    );
    const login = (text: string, address = '::1') => codeOf(() => authenticator.authenticate(basic(text), address));
    expect(await login('ada:right-password')).toBe('let in');
    for (const name of ['a', 'b', 'c']) expect(await login(`${name}:guess`)).toBe('UNAUTHENTICATED');
    expect(await login('d:guess')).toBe('TOO_MANY_FAILED_LOGINS');
    expect(await login('d:guess', '::2')).toBe('UNAUTHENTICATED');
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
