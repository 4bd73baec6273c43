import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Endpoint, ROOT } from '../support/endpoint.js';
import { Fleet } from '../support/fleet.js';
import { ask } from '../support/hostile/wire.js';
import { problemIn } from '../support/problems.js';

let fleet: Fleet;
let endpoint: Endpoint;

beforeAll(async () => {
  fleet = await Fleet.start({ workers: 0 });
  endpoint = Endpoint.of(fleet);
});

afterAll(() => fleet?.stop());

const send = (method: string, path: string) =>
  ask(fleet.url, { method, path, headers: { Authorization: fleet.authorization } });

describe('405 names the methods that a path has', () => {
  const NOT_ALLOWED: readonly [method: string, path: string, allow: string][] = [
    ['OPTIONS', ROOT, 'GET, HEAD'],
    ['POST', ROOT, 'GET, HEAD'],
    ['PUT', `${ROOT}/noopJob`, 'GET, HEAD'],
    ['DELETE', `${ROOT}/noopJob`, 'GET, HEAD'],
    ['OPTIONS', `${ROOT}/noopJob/start`, 'POST'],
    ['PUT', `${ROOT}/noopJob/start`, 'POST'],
    ['PATCH', `${ROOT}/1/stop?force=true`, 'POST'],
    ['POST', `${ROOT}/noopJob/1`, 'GET, HEAD, DELETE'],
    ['DELETE', `${ROOT}/audit`, 'GET, HEAD'],
    ['POST', '/health/live', 'GET, HEAD'],
    ['DELETE', '/openapi.json', 'GET, HEAD'],
    ['PUT', '/swagger-ui', 'GET, HEAD'],
    ['OPTIONS', '/admin/queues', 'GET, HEAD'],
    ['DELETE', '/admin/queues/api/queues/persistence-executions/pause', 'GET, HEAD'],
  ];

  it.each(NOT_ALLOWED)('%s %s', async (method, path, allow) => {
    const answer = await send(method, path);
    expect(problemIn(answer)).toMatchObject({ status: 405, code: 'METHOD_NOT_ALLOWED' });
    expect(answer.headers.allow).toBe(allow);
    expect(answer.headers['x-content-type-options']).toBe('nosniff');
  });

  it.each([
    ['OPTIONS', '/'],
    ['POST', '/batch-job'],
    ['POST', `${ROOT}/1/pause`],
    ['POST', `${ROOT}/noopJob/1/start/more`],
    ['GET', '/batch-jobs/persistence'],
  ])('404 where there is no such path: %s %s', async (method, path) => {
    expect(problemIn(await send(method, path))).toMatchObject({ status: 404, code: 'UNKNOWN_ROUTE' });
  });
});

describe('a slash at the end of a path', () => {
  it('is forgiven', async () => {
    expect((await endpoint.get(`${ROOT}/`)).body).toEqual((await endpoint.get(ROOT)).body);
    expect((await endpoint.get('/health/ready/?x')).status).toBe(200);
    const started = await endpoint.post(`${ROOT}/noopJob/start/`);
    expect(started.status).toBe(202);
    const id = started.body.jobExecutionId as number;
    expect((await endpoint.post(`${ROOT}/${id}/stop/?force=true`)).status).toBe(200);
    expect((await endpoint.get(`${ROOT}/noopJob/${id}/`)).body.status).toBe('STOPPED');
  });

  it('is named in a problem as it was sent', async () => {
    expect(problemIn(await endpoint.get(`${ROOT}/unknownJob/`))).toMatchObject({ code: 'UNKNOWN_JOB' });
  });

  it('is only one', async () => {
    expect((await endpoint.get(`${ROOT}//`)).status).toBe(404);
  });
});
