import { statSync } from 'node:fs';
import { join } from 'node:path';
import request from 'supertest';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LocalProcess } from '../../scripts/local/processes.js';
import { ApiDocument } from '../support/api-document.js';
import { Endpoint, ROOT } from '../support/endpoint.js';
import { Fleet } from '../support/fleet.js';
import { PrivateServer } from '../support/private-server.js';
import { problemIn } from '../support/problems.js';
import { until } from '../support/until.js';

/** A heartbeat file that is older tells of a dead worker (`apps/worker/src/health.ts`), in ms. */
const DEAD_AFTER_MS = 15_000;
const PARTITIONS = 400;
const PARAMETERS = { partitions: PARTITIONS, chunks: 2, busyMs: 2 };

let redis: PrivateServer;
let fleet: Fleet;
let endpoint: Endpoint;
let api: ApiDocument;

beforeAll(async () => {
  redis = await PrivateServer.start('redis');
  fleet = await Fleet.start({ redisUrl: redis.url });
  endpoint = Endpoint.of(fleet);
  api = await ApiDocument.of(fleet.url);
});

afterAll(async () => {
  await fleet?.stop();
  await redis?.close();
});

const REQUESTS: readonly [method: 'get' | 'post' | 'delete', path: string, operation?: string][] = [
  ['get', `${ROOT}/noopJob`],
  ['get', `${ROOT}/noopJob?executionUUID=7cafdc19-0eeb-48d9-a0b8-edfcc0ea2cc4`],
  ['get', `${ROOT}/noopJob?status=FAILED&status=STOPPED`],
  ['get', `${ROOT}/noopJob/1`],
  ['get', `${ROOT}/audit`],
  ['post', `${ROOT}/noopJob/start`, 'start'],
  ['post', `${ROOT}/1/stop`, 'stop'],
  ['post', `${ROOT}/1/stop?force=true`, 'stop'],
  ['post', `${ROOT}/1/restart`, 'restart'],
  ['post', `${ROOT}/1/abandon`, 'abandon'],
  ['delete', `${ROOT}/noopJob/1`, 'delete'],
];

/** Ways to lose Redis, and to get it back. */
const OUTAGES = [
  { is: 'stopped', begin: () => redis.end('SIGTERM'), end: () => redis.begin() },
  { is: 'frozen', begin: async () => redis.send('SIGSTOP'), end: async () => redis.send('SIGCONT') },
];

describe.each(OUTAGES)('while Redis is $is', ({ begin, end }) => {
  let running: number;

  beforeAll(async () => {
    running = await endpoint.start('noopJob', PARAMETERS);
    await endpoint.until('work under way', 'noopJob', running, ({ counts }) => counts.writeCount > 0);
    await begin();
  });

  it('answers 503 within a second, whatever is asked', async () => {
    const answers = await Promise.all(
      REQUESTS.map(async ([method, path]) => {
        const asked = performance.now();
        const response = await endpoint[method](path);
        return { response, took: performance.now() - asked };
      }),
    );
    expect(answers.map(({ response }) => problemIn(response))).toEqual(
      REQUESTS.map(([, , operation]) => ({
        status: 503,
        code: 'SERVICE_UNAVAILABLE',
        detail: 'Redis or the database is unavailable. Try again shortly.',
        operation,
        fields: [],
      })),
    );
    expect(Math.max(...answers.map(({ took }) => took))).toBeLessThan(1_000);
    expect(answers.map(({ response }) => response.headers['retry-after'])).toEqual(answers.map(() => '2'));
    expect(answers.flatMap(({ response }) => api.faultsOf(response))).toEqual([]);
  });

  it('needs no Redis to say what jobs there are, that it lives, and who may call', async () => {
    expect((await endpoint.get(ROOT)).status).toBe(200);
    expect((await request(fleet.url).get('/health/live')).status).toBe(200);
    expect((await request(fleet.url).get(`${ROOT}/noopJob`)).status).toBe(401);
  });

  it('is not ready, and says why', async () => {
    const response = await request(fleet.url).get('/health/ready');
    expect([response.status, response.body]).toEqual([
      503,
      {
        status: 'unavailable',
        dependencies: { redis: 'down', 'postgres:persistence': 'up' },
        importDirectories: { persistence: 'up' },
        lastSweepAgeMs: {},
      },
    ]);
    expect(api.faultsOf(response)).toEqual([]);
  });

  it('answers the dashboard 503 too', async () => {
    expect((await endpoint.get('/admin/queues/api/queues')).status).toBe(503);
  });

  it('has healthy workers, however long it takes: to start them again would not help', async () => {
    const [{ pid }] = fleet.workers as [LocalProcess];
    const file = join(fleet.settings.directory, 'heartbeats', `${pid}.alive`);
    const since = Date.now();
    await until(
      'beats beyond the time after which a worker counts as dead',
      async () => statSync(file).mtimeMs,
      (beat) => beat - since > DEAD_AFTER_MS,
    );
    expect(fleet.workers.map(({ alive }) => alive)).toEqual([true]);
  });

  it('is well again by itself afterwards, and so is the work', async () => {
    await end();
    await until(
      'readiness',
      async () => (await endpoint.get('/health/ready')).status,
      (status) => status === 200,
    );
    const view = await endpoint.ended('noopJob', running);
    expect(view).toMatchObject({
      status: 'COMPLETED',
      progress: { partitions: { total: PARTITIONS, done: PARTITIONS } },
    });
    expect((await endpoint.run('noopJob')).status).toBe('COMPLETED');
    expect([fleet.gateway, ...fleet.workers].map(({ alive }) => alive)).toEqual([true, true]);
  });
});
