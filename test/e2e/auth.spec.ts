import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
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
    await endpoint.as({ username: 'viewer', password: 'a guess' }).post(`${ROOT}/noopJob/start`);
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

  it('are written down with a hash, never a password', async () => {
    const text = readFileSync(fleet.settings.usersFile, 'utf8');
    expect(text).toContain('$argon2id$');
    expect(Object.values(USERS).filter(({ password }) => text.includes(password))).toEqual([]);
  });
});

describe('429 slows guessing down', () => {
  it('for the guessed user, from the guesser', async () => {
    const { username, password } = USERS.victim;
    const guesses = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        request(fleet.url)
          .get(ROOT)
          .set('Authorization', basic({ username, password: `guess ${i}` })),
      ),
    );
    const refused = guesses.filter(({ status }) => status === 429);
    expect(guesses.filter(({ status }) => status === 401).length).toBeLessThanOrEqual(6);
    expect(refused.length).toBeGreaterThanOrEqual(14);
    const detail = expect.stringMatching(/^Too many failed logins\. Try again in \d s\.$/);
    expect(problemIn(refused[0]!)).toMatchObject({ code: 'TOO_MANY_FAILED_LOGINS', detail });
    expect(refused[0]?.headers['retry-after']).toMatch(/^\d$/);

    // Nobody else waits, and neither does the user for long.
    expect((await as('local').get(ROOT)).status).toBe(200);
    const own = () => endpoint.as({ username, password }).get(ROOT);
    expect((await until('the wait to be over', own, ({ status }) => status !== 429)).status).toBe(200);
  });
});
