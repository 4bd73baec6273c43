import { execFile } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { promisify } from 'node:util';
import request from 'supertest';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compiled } from '../../scripts/local/paths.js';
import { basic, Endpoint, ROOT } from '../support/endpoint.js';
import { Fleet } from '../support/fleet.js';
import { problemIn } from '../support/problems.js';
import { until } from '../support/until.js';

const VIEW = 'VIEW_BATCH_JOBS';
const MANAGE = 'MANAGE_BATCH_JOBS';

const user = (username: string, ...permissions: { permission: string; argument?: string }[]) => ({
  username,
  password: `the password: of ${username}`,
  permissions,
});

const USERS = {
  viewer: user('viewer', { permission: VIEW }),
  manager: user('manager', { permission: MANAGE }),
  local: user('local', { permission: VIEW, argument: 'persistence' }, { permission: MANAGE, argument: 'persistence' }),
  elsewhere: user('elsewhere', { permission: VIEW, argument: 'archive' }, { permission: MANAGE, argument: 'archive' }),
  nobody: user('nobody'),
  umlaut: user('Zoë', { permission: VIEW }),
  victim: user('victim', { permission: VIEW }),
  besieged: user('besieged', { permission: VIEW }),
  auditee: user('auditee', { permission: VIEW, argument: 'persistence' }),
};

let fleet: Fleet;
let endpoint: Endpoint;

beforeAll(async () => {
  fleet = await Fleet.start({ workers: 0, users: Object.values(USERS) });
  endpoint = Endpoint.of(fleet);
});

afterAll(() => fleet?.stop());

const as = (name: keyof typeof USERS): Endpoint => endpoint.as(USERS[name]);

const encoded = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`;

describe('401 asks who calls', () => {
  it.each([
    ['no header', undefined],
    ['no credentials', 'Basic'],
    ['another scheme', 'Bearer 7cafdc19'],
    ['what is no Base64', 'Basic !!!'],
    ['no colon', encoded('operator')],
    ['a wrong password', encoded('operator:guess')],
    ['an empty password', encoded('viewer:')],
    ['an unknown user', encoded('root:guess')],
    ['no user', encoded(':guess')],
    ['a header without end', encoded(`operator:${'x'.repeat(2_000)}`)],
  ])('for %s', async (_, header) => {
    const get = request(fleet.url).get(`${ROOT}/noopJob`);
    const response = await (header === undefined ? get : get.set('Authorization', header));
    expect(problemIn(response)).toMatchObject({ status: 401, code: 'UNAUTHENTICATED' });
    expect(response.headers['www-authenticate']).toBe('Basic realm="Longshore", charset="UTF-8"');
  });

  it('names a refused operation', async () => {
    const response = await request(fleet.url).post(`${ROOT}/1/stop`);
    expect(problemIn(response)).toMatchObject({ status: 401, operation: 'stop' });
  });

  it('does not tell an unknown user from a wrong password', async () => {
    const details = await Promise.all(
      ['manager:guess', 'somebody:guess'].map(
        async (text) => problemIn(await new Endpoint(fleet.url, encoded(text)).get(ROOT)).detail,
      ),
    );
    expect(details).toEqual(['Username or password is wrong.', 'Username or password is wrong.']);
  });

  it('takes names and passwords in UTF-8, with colons and spaces', async () => {
    expect((await as('umlaut').get(ROOT)).status).toBe(200);
  });

  it.each(['/health/live', '/health/ready', '/openapi.json', '/swagger-ui'])('not for %s', async (path) => {
    expect((await request(fleet.url).get(path)).status).toBe(200);
  });
});

const missing = (permission: string, moduleId = 'persistence') => ({
  status: 403,
  code: 'MISSING_PERMISSION',
  detail: `This needs the permission ${permission} on module ${moduleId}.`,
});

describe('403 names the missing permission', () => {
  const READINGS = [ROOT, `${ROOT}/noopJob`, `${ROOT}/noopJob/1`, `${ROOT}/exportJob`, `${ROOT}/noopJob?count=none`];
  const OPERATIONS = [
    `${ROOT}/noopJob/start`,
    `${ROOT}/1/stop`,
    `${ROOT}/1/stop?force=true`,
    `${ROOT}/1/restart`,
    `${ROOT}/1/abandon`,
    `${ROOT}/exportJob/start`,
  ];
  it.each(READINGS)('to read, whatever there is: %s', async (path) => {
    for (const name of ['manager', 'elsewhere', 'nobody'] as const) {
      expect(problemIn(await as(name).get(path))).toMatchObject(missing(VIEW));
    }
  });

  it.each(OPERATIONS)('to change something, whatever there is: %s', async (path) => {
    for (const name of ['viewer', 'elsewhere', 'nobody'] as const) {
      expect(problemIn(await as(name).post(path, { colour: 'red' }))).toMatchObject(missing(MANAGE));
    }
  });

  it('to delete and to read the audit', async () => {
    expect(problemIn(await as('viewer').delete(`${ROOT}/noopJob/1`))).toMatchObject(missing(MANAGE));
    expect(problemIn(await as('viewer').get(`${ROOT}/audit`))).toMatchObject(missing(MANAGE));
  });

  it('and leaves it in the log, of whoever said who they are: without a right nobody fills the record', async () => {
    const newest = async (count: number) =>
      (await as('manager').get(`${ROOT}/audit?count=${count}`).expect(200)).body.entries;
    const before = await newest(1);
    const logged = fleet.gateway.lines.length;
    await as('viewer').post(`${ROOT}/noopJob/start`);
    await request(fleet.url).post(`${ROOT}/noopJob/start`);
    await endpoint.as({ username: 'stranger', password: 'a guess' }).post(`${ROOT}/noopJob/start`);
    expect(await newest(1)).toEqual(before);
    const refused = fleet.gateway.lines.slice(logged).filter((line) => line.includes('"outcome":"MISSING_PERMISSION"'));
    expect(refused.map((line) => JSON.parse(line) as unknown)).toEqual([
      expect.objectContaining({
        username: 'viewer',
        remoteAddress: '127.0.0.1',
        operation: 'start',
        jobName: 'noopJob',
        message: missing(MANAGE).detail,
      }),
    ]);
  });

  it('on the module of the path', async () => {
    expect(problemIn(await as('local').get('/batch-job/archive'))).toMatchObject(missing(VIEW, 'archive'));
    expect(problemIn(await as('local').post('/batch-job/archive/1/stop'))).toMatchObject(missing(MANAGE, 'archive'));
    expect(problemIn(await as('elsewhere').get('/batch-job/archive'))).toMatchObject({ code: 'UNKNOWN_MODULE' });
  });
});

describe('a permission', () => {
  it('VIEW_BATCH_JOBS lets read', async () => {
    expect((await as('viewer').get(`${ROOT}/noopJob`)).status).toBe(200);
  });

  it('MANAGE_BATCH_JOBS lets start and stop, and read who did', async () => {
    const started = await as('manager').post(`${ROOT}/noopJob/start`);
    expect(started.status).toBe(202);
    expect((await as('manager').post(`${ROOT}/${started.body.jobExecutionId}/stop?force=true`)).status).toBe(200);
    const { body } = await as('manager').get(`${ROOT}/audit?count=2`).expect(200);
    expect(body.entries).toMatchObject([
      { username: 'manager', operation: 'force-stop', outcome: 'OK', executionId: started.body.jobExecutionId },
      { username: 'manager', operation: 'start', outcome: 'OK', jobName: 'noopJob' },
    ]);
  });

  it('holds for the module it names', async () => {
    expect((await as('local').get(ROOT)).status).toBe(200);
    expect((await as('local').post(`${ROOT}/noopJob/start`)).status).toBe(202);
  });
});

const run = promisify(execFile);

/** Runs the command that keeps the users file. */
const users = (...args: string[]) =>
  run(process.execPath, [
    compiled('apps/gateway/src/auth/users-command.js'),
    ...args,
    '--file',
    fleet.settings.usersFile,
  ]);

/** Waits until the user `local` is answered so. */
const localGets = (status: number) =>
  until(
    `status ${status}`,
    () => as('local').get(ROOT),
    (answer) => answer.status === status,
  );

describe('users', () => {
  it('are added and removed by a command while the gateway runs', async () => {
    const { stdout } = await users('add', 'novice', '--permission', `${VIEW}:persistence`, '--generate');
    const password = /Password: (\S+)/.exec(stdout)?.[1] ?? '';
    const novice = { username: 'novice', password };
    await until(
      'the new user',
      () => endpoint.as(novice).get(`${ROOT}/noopJob`),
      ({ status }) => status === 200,
    );
    expect(problemIn(await endpoint.as(novice).post(`${ROOT}/noopJob/start`)).detail).toContain(MANAGE);
    expect((await users('list')).stdout).toContain(`novice ${VIEW}:persistence`);

    await users('remove', 'novice');
    const after = await until(
      'the removal',
      () => endpoint.as(novice).get(ROOT),
      ({ status }) => status !== 200,
    );
    expect(after.status).toBe(401);
    expect((await endpoint.get(ROOT)).status).toBe(200);
  });

  it.each([`${MANAGE}:`, `${MANAGE}:${'x'.repeat(65)}`])(
    'are not added with %s, which names no module',
    async (grant) => {
      const before = readFileSync(fleet.settings.usersFile, 'utf8');
      await expect(users('add', 'novice', '--permission', grant, '--generate')).rejects.toMatchObject({
        stderr: expect.stringContaining(`"${grant}" names no module. Give 1 to 64 characters after the colon`),
      });
      expect(readFileSync(fleet.settings.usersFile, 'utf8')).toBe(before);
    },
  );

  it('are locked out, all of them, while their file is gone or cannot be read', async () => {
    const path = fleet.settings.usersFile;
    const text = readFileSync(path, 'utf8');
    await localGets(200);
    rmSync(path);
    try {
      await localGets(401);
      expect((await endpoint.get(ROOT)).status).toBe(401);
      await fleet.gateway.line((line) => line.includes('nobody can log in until'), 5_000);
      writeFileSync(path, 'not JSON');
      writeFileSync(path, text);
      await localGets(200);
    } finally {
      writeFileSync(path, text, { mode: 0o600 });
    }
  });

  it('are written down with a hash, never a password', async () => {
    const text = readFileSync(fleet.settings.usersFile, 'utf8');
    expect(text).toContain('$argon2id$');
    expect(Object.values(USERS).filter(({ password }) => text.includes(password))).toEqual([]);
  });
});

/** Requests with these credentials. */
const login = (username: string, password: string, headers: Record<string, string> = {}) =>
  request(fleet.url)
    .get(ROOT)
    .set({ ...headers, Authorization: basic({ username, password }) });

describe('a failed login', () => {
  it('is logged with the name and the address, never the password, also of an unknown user', async () => {
    const begin = fleet.gateway.lines.length;
    expect((await login('manager', 'hunter2')).status).toBe(401);
    expect((await login('root', 'hunter2')).status).toBe(401);
    const logged = await until(
      'both lines',
      async () => fleet.gateway.lines.slice(begin).filter((line) => line.includes('"Login failed"')),
      (lines) => lines.length >= 2,
    );
    expect(logged.map((line) => JSON.parse(line) as unknown)).toEqual(
      ['manager', 'root'].map((username) => expect.objectContaining({ username, remoteAddress: '127.0.0.1' })),
    );
    expect(fleet.gateway.lines.join()).not.toContain('hunter2');
  });

  it('is recorded in the audit of a module in which the user has rights', async () => {
    await login('umlaut', 'a guess');
    await login('elsewhere', 'a guess');
    const username = USERS.auditee.username;
    for (const guess of ['1', '2', '3']) await login(username, guess);
    const logins = await until(
      'two entries',
      async () =>
        (await as('manager').get(`${ROOT}/audit?count=50`).expect(200)).body.entries.filter(
          (entry: { operation: string; username: string }) =>
            entry.operation === 'login' && ['elsewhere', username].includes(entry.username),
        ),
      (entries: unknown[]) => entries.length >= 2,
    );
    const entry = { username, operation: 'login', outcome: 'UNAUTHENTICATED', remoteAddress: '127.0.0.1' };
    expect(logins).toMatchObject([
      { ...entry, message: 'Wrong password, 2 times in a row.' },
      { ...entry, message: 'Wrong password.' },
    ]);
  });
});

describe('guessing', () => {
  it('is slow: few tries at a time, and 429 where too many wait', async () => {
    const { username } = USERS.victim;
    const guesses = Promise.all(Array.from({ length: 20 }, (_, i) => login(username, `guess ${i}`)));
    // Nobody else waits.
    expect((await as('local').get(ROOT)).status).toBe(200);
    const refused = (await guesses).filter(({ status }) => status === 429);
    expect(refused).toHaveLength(10);
    expect((await guesses).filter(({ status }) => status === 401)).toHaveLength(10);
    const detail = expect.stringMatching(/^Too many failed logins\. Try again in \d s\.$/);
    expect(problemIn(refused[0]!)).toMatchObject({ code: 'TOO_MANY_FAILED_LOGINS', detail });
    expect(refused[0]?.headers['retry-after']).toMatch(/^\d$/);
  });

  it('by two from the same address does not lock the user out', async () => {
    const { username, password } = USERS.besieged;
    const over = new AbortController();
    const guess = async (name: string): Promise<number> => {
      let tries = 0;
      while (!over.signal.aborted) {
        await login(username, `${name} ${(tries += 1)}`);
      }
      return tries;
    };
    const guessers = [guess('first'), guess('second')];
    await fleet.gateway.line(
      (line) => line.includes(`"username":"${username}"`) && line.includes('"failures":7'),
      30_000,
    );
    const answer = await login(username, password);
    expect(answer.status).toBe(200);
    // And from now on without any wait.
    expect((await login(username, password)).status).toBe(200);
    over.abort();
    await Promise.all(guessers);
  });
});

describe('the address of a client', () => {
  it('is not what a client says of itself', async () => {
    await login('somebody', 'a guess', { 'X-Forwarded-For': '192.0.2.7' });
    const line = await fleet.gateway.line(
      (text) => /"Login failed".*"somebody"|"somebody".*"Login failed"/.test(text),
      5_000,
    );
    expect(JSON.parse(line)).toMatchObject({ remoteAddress: '127.0.0.1' });
  });

  it('is what a trusted proxy says', async () => {
    const proxied = await Fleet.start({ workers: 0, gatewayEnv: { TRUSTED_PROXIES: '10.0.0.0/8, 127.0.0.1' } });
    try {
      const behind = (forwarded: string) =>
        request(proxied.url)
          .post(`${ROOT}/noopJob/start`)
          .set({ Authorization: proxied.authorization, 'X-Forwarded-For': forwarded });
      // What the client itself has sent stands before what the proxies add.
      expect((await behind('203.0.113.9, 192.0.2.7, 10.1.2.3')).status).toBe(202);
      const { entries } = (await Endpoint.of(proxied).get(`${ROOT}/audit`).expect(200)).body;
      expect(entries[0]).toMatchObject({ remoteAddress: '192.0.2.7' });
    } finally {
      await proxied.stop();
    }
  });
});
