import { execFile } from 'node:child_process';
import { readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import ioredis from 'ioredis';
import request, { type Response } from 'supertest';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { compiled } from '../../scripts/local/paths.js';
import { basic, Endpoint, ROOT } from '../support/endpoint.js';
import { Fleet } from '../support/fleet.js';
import { PrivateServer } from '../support/private-server.js';
import { ndjson, numbered, writeSource } from '../support/resources.js';
import { until } from '../support/until.js';

const run = promisify(execFile);

const OPERATOR = { username: 'keeper', password: 'wax-seal-of-the-keeper' };
const VICTIM = { username: 'victim', password: 'seal-of-somebody-else' };
const GUESS = 'nearly-the-wax-seal';
const PLANTED = 'planted-in-a-broken-file';
const WRONG = 'wrong-key-of-a-server';

let redis: PrivateServer;
let fleet: Fleet;
let endpoint: Endpoint;
let secrets: readonly string[];

/** Everything that was answered or written, beside the fleet's logs. */
const told: string[] = [];

beforeAll(async () => {
  redis = await PrivateServer.start('redis');
  const permissions = ['VIEW_BATCH_JOBS', 'MANAGE_BATCH_JOBS'].map((permission) => ({ permission }));
  fleet = await Fleet.start({
    redisUrl: redis.url,
    users: [
      { ...OPERATOR, permissions },
      { ...VICTIM, permissions },
    ],
    env: { LOG_LEVEL: 'debug', RETRY_BACKOFF_MS: '50' },
  });
  endpoint = Endpoint.of(fleet).as(OPERATOR);
  const hashes = [...readFileSync(fleet.settings.usersFile, 'utf8').matchAll(/\$argon2id\$[^"]+/g)].map(
    ([hash]) => hash,
  );
  const passwords = [redis.url, fleet.database.url].map((url) => new URL(url).password);
  const guessed = { ...VICTIM, password: GUESS };
  const headers = [OPERATOR, VICTIM, guessed].map((user) => basic(user).replace('Basic ', ''));
  secrets = [OPERATOR.password, VICTIM.password, GUESS, PLANTED, WRONG, ...passwords, ...hashes, ...headers];
});

afterAll(async () => {
  await fleet?.stop();
  await redis?.close();
});

/** The secrets that a text gives away. */
const givenAway = (text: string): string[] => secrets.filter((secret) => text.includes(secret));

const logs = (directory: string): string =>
  readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.log'))
    .map((name) => readFileSync(join(directory, name), 'utf8'))
    .join('\n');

async function keep(...answers: PromiseLike<Response>[]): Promise<number[]> {
  const kept = await Promise.all(answers);
  told.push(...kept.map(({ text, headers }) => `${text}\n${JSON.stringify(headers)}`));
  return kept.map(({ status }) => status);
}

/** The way to a server with a password that it does not take. */
const withPassword = (url: string) => Object.assign(new URL(url), { password: WRONG }).href;

/** What a process says that does not start with these settings. */
async function lastWords(app: 'gateway' | 'worker', env: NodeJS.ProcessEnv): Promise<string> {
  const ours = { ...fleet.gateway.spec.env, ...env };
  const failure = await run(process.execPath, [compiled(`apps/${app}/src/main.js`)], { env: ours }).then(
    () => ({ stdout: 'It started.', stderr: '' }),
    (error: { stdout: string; stderr: string }) => error,
  );
  return failure.stdout + failure.stderr;
}

it('knows what to look for', () => {
  expect(secrets.length).toBe(13);
  expect(secrets.filter((secret) => secret.length < 12)).toEqual([]);
  expect(givenAway(`of ${redis.url}`)).toHaveLength(1);
});

it('refused requests', async () => {
  const guesses = [GUESS, ...Array.from({ length: 11 }, (_, i) => `${GUESS} ${i}`)];
  const statuses = await keep(
    ...guesses.map((password) => endpoint.as({ ...VICTIM, password }).get(ROOT)),
    request(fleet.url).get(ROOT).set('Authorization', `Basic ${GUESS}`),
    request(fleet.url).get(ROOT).set('Authorization', `Bearer ${GUESS}`),
    endpoint.get(`${ROOT}/noopJob?count=0&password=x`),
    endpoint.get('/batch-job/archive'),
    endpoint.get(`${ROOT}/noopJob/7`),
    endpoint.post(`${ROOT}/noopJob/start`).type('json').send('{"jobParameters": {'),
    endpoint.post(`${ROOT}/noopJob/start`, { jobParameters: { partitions: 0 } }),
    endpoint.post(`${ROOT}/noopJob/start`).type('text').send('now'),
    endpoint.post(`${ROOT}/7/restart`),
    endpoint.get('/%zz'),
    endpoint.get('/admin/queues/api/queues/none/1'),
    endpoint.get('/admin/queues/static/../../x'),
    endpoint.get('/openapi.json'),
    endpoint.get('/health/ready'),
    endpoint.get(`${ROOT}/audit`),
  );
  expect(new Set(statuses)).toEqual(new Set([200, 400, 401, 404, 415, 429]));
});

it('a users file that will not do', async () => {
  const { usersFile } = fleet.settings;
  const good = readFileSync(usersFile, 'utf8');
  const replace = (text: string) => {
    writeFileSync(`${usersFile}.next`, text);
    renameSync(`${usersFile}.next`, usersFile);
  };
  replace(`${good}${PLANTED}`);
  await fleet.gateway.line((line) => line.includes('not taken over'), 30_000);
  replace(good);
  expect(await fleet.gateway.line((line) => line.includes('Users file taken over'), 30_000)).toContain('"users":3');
});

it('a failing import, and one that has no database', async () => {
  writeSource(fleet.importDirectory, 'bad.ndjson', `${ndjson(numbered('secrets', 10))}no JSON\n`);
  expect((await endpoint.run('bulkImportJob', { source: 'bad.ndjson' })).status).toBe('FAILED');
  await fleet.database.query('ALTER TABLE resource RENAME TO away');
  expect((await endpoint.run('bulkImportJob', { source: 'bad.ndjson', skipLimit: 5 })).status).toBe('FAILED');
  await keep(
    endpoint.get(`${ROOT}/bulkImportJob`),
    endpoint.get(`${ROOT}/bulkImportJob/2`),
    endpoint.get(`${ROOT}/audit`),
  );
});

it('a Redis that takes the password no more, and one that is away', async () => {
  const admin = new ioredis.Redis(redis.url);
  await admin.config('SET', 'requirepass', WRONG);
  await admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
  await fleet.gateway.line((line) => line.includes('Redis is unavailable'), 30_000);
  expect(await keep(endpoint.get(`${ROOT}/noopJob`), endpoint.post(`${ROOT}/noopJob/start`))).toEqual([503, 503]);
  admin.disconnect();
  await redis.end('SIGTERM');
  const paths = [`${ROOT}/noopJob`, '/health/ready', '/admin/queues/api/queues', `${ROOT}/audit`];
  expect(new Set(await keep(...paths.map((path) => endpoint.get(path))))).toEqual(new Set([503]));
  await redis.begin();
  await until(
    'Redis again',
    () => endpoint.get(`${ROOT}/noopJob`),
    ({ status }) => status === 200,
  );
});

it('processes that do not start', async () => {
  const modulesFile = join(fleet.settings.directory, 'modules.json');
  writeFileSync(modulesFile, `[{"id": "a", "databaseUrl": "postgres://u:${PLANTED}@h/db", "importDirectory": "/x",}]`);
  const words = await Promise.all([
    lastWords('gateway', { MODULES_FILE: modulesFile }),
    lastWords('gateway', { REDIS_URL: withPassword(redis.url) }),
    lastWords('worker', { DATABASE_URL: withPassword(fleet.database.url) }),
  ]);
  expect(words.filter((text) => !text.includes('does not start'))).toEqual([]);
  told.push(...words);
});

it('give no secret away, in no answer and no log', async () => {
  await Promise.all([fleet.gateway, ...fleet.workers].map((process) => fleet.kill(process, 'SIGTERM')));
  const log = logs(fleet.settings.directory);
  expect(log).toContain('Redis is unavailable');
  expect(log).toContain('Users file not taken over');
  expect(givenAway(log)).toEqual([]);
  expect(told.length).toBeGreaterThan(30);
  expect(givenAway(told.join('\n'))).toEqual([]);
});
