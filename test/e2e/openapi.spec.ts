import { randomUUID } from 'node:crypto';
import type { Response } from 'supertest';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ApiDocument, type DocumentedRoute } from '../support/api-document.js';
import { Endpoint, ROOT } from '../support/endpoint.js';
import { Fleet } from '../support/fleet.js';
import { ndjson, numbered, writeSource } from '../support/resources.js';
import { blockAt } from '../support/roadblock.js';

const STRANGER = { username: 'stranger', password: 'may do nothing' };

let fleet: Fleet;
let endpoint: Endpoint;
let api: ApiDocument;
let finished: number;

beforeAll(async () => {
  fleet = await Fleet.start({ users: [{ ...STRANGER, permissions: [] }] });
  endpoint = Endpoint.of(fleet);
  api = await ApiDocument.of(fleet.url);
  finished = (await endpoint.run('noopJob')).id;
});

afterAll(() => fleet?.stop());

/** Routes whose every answer was held against the document, by status. */
const seen = new Set<string>();

/** The status of an answer that is as documented; of another one, what is wrong with it. */
function told(response: Response): number | string[] {
  const { method, url } = response.request;
  const faults = api.faultsOf(response);
  if (faults.length > 0) return faults;
  seen.add(`${method} ${api.routeOf(method, new URL(url).pathname)?.template} ${response.status}`);
  return response.status;
}

const send = (route: DocumentedRoute, path: string, caller = endpoint) => caller[route.method](path);

/** A path of the route, on module `persistence` unless another is named. */
const pathOf = ({ template }: DocumentedRoute, moduleId = 'persistence'): string =>
  template
    .replace('{module_id}', moduleId)
    .replace('{job_name}', 'noopJob')
    .replace('{job_execution_id}', String(finished));

const routesWith = (status: number): DocumentedRoute[] =>
  api.routes.filter(({ statuses, template }) => statuses.includes(status) && template !== '/health/ready');

describe('the document', () => {
  it('has every route, and no other', () => {
    expect(api.document.openapi).toBe('3.1.0');
    const routes = api.routes.map(({ method, template }) => `${method} ${template}`);
    expect(routes.toSorted()).toEqual([
      'delete /batch-job/{module_id}/{job_name}/{job_execution_id}',
      'get /batch-job/{module_id}',
      'get /batch-job/{module_id}/audit',
      'get /batch-job/{module_id}/fleet',
      'get /batch-job/{module_id}/{job_name}',
      'get /batch-job/{module_id}/{job_name}/{job_execution_id}',
      'get /batch-job/{module_id}/{job_name}/{job_execution_id}/verify',
      'get /health/live',
      'get /health/ready',
      'post /batch-job/{module_id}/{job_execution_id}/abandon',
      'post /batch-job/{module_id}/{job_execution_id}/restart',
      'post /batch-job/{module_id}/{job_execution_id}/stop',
      'post /batch-job/{module_id}/{job_name}/start',
    ]);
  });

  it('would notice a field too many, one too few, and one of another form', async () => {
    const response = await endpoint.get(`${ROOT}/noopJob/${finished}`);
    const faultsWith = (changes: object) =>
      api.faultsOf({ ...response, request: response.request, body: { ...response.body, ...changes } } as Response);
    expect(faultsWith({})).toEqual([]);
    expect(faultsWith({ colour: 'red' })).not.toEqual([]);
    expect(faultsWith({ status: undefined })).not.toEqual([]);
    expect(faultsWith({ createTime: '2021-05-29T18:36:13Z' })).not.toEqual([]);
  });
});

describe('a query', () => {
  it('may hold every parameter that is documented', async () => {
    const values: Record<string, string> = {
      executionUUID: randomUUID(),
      status: 'FAILED',
      force: 'true',
      before: '1-0',
    };
    for (const route of api.routes.filter(({ queryParameters }) => queryParameters.length > 0)) {
      const query = route.queryParameters.map((name) => `${name}=${values[name] ?? '1'}`).join('&');
      expect(told(await send(route, `${pathOf(route)}?${query}`))).toBe(200);
    }
  });
});

describe('a success is as documented', () => {
  const SOURCE = 'openapi.ndjson';

  it('of every reading, of executions in every state', async () => {
    writeSource(fleet.importDirectory, SOURCE, `${ndjson(numbered('openapi', 10))}no JSON\n`);
    await endpoint.run('bulkImportJob', { source: SOURCE });
    await endpoint.run('bulkImportJob', { source: SOURCE, skipLimit: 1 });
    await endpoint.forceStop(finished);
    const roadblock = await blockAt(fleet.database, numbered('openapi-held', 10)[5]!);
    writeSource(fleet.importDirectory, 'held.ndjson', ndjson(numbered('openapi-held', 10)));
    const held = await endpoint.start('bulkImportJob', { source: 'held.ndjson', commitInterval: 2 });
    await roadblock.reached();

    expect(told(await endpoint.get(`${ROOT}`))).toBe(200);
    expect(told(await endpoint.get(`${ROOT}/audit`))).toBe(200);
    expect(told(await endpoint.get(`${ROOT}/fleet`))).toBe(200);
    for (const jobName of ['bulkImportJob', 'noopJob']) {
      const list = await endpoint.get(`${ROOT}/${jobName}`);
      expect(told(list)).toBe(200);
      for (const [execution] of await endpoint.list(jobName)) {
        expect(told(await endpoint.get(`${ROOT}/${jobName}/${execution!.id}`))).toBe(200);
        expect(told(await endpoint.get(`${ROOT}/${jobName}/${execution!.id}/verify`))).toBe(200);
      }
    }
    await endpoint.stop(held);
    expect(told(await endpoint.get(`${ROOT}/bulkImportJob/${held}`))).toBe(200);
    await roadblock.lift();
    await endpoint.ended('bulkImportJob', held);
    expect(told(await endpoint.get('/health/live'))).toBe(200);
    expect(told(await endpoint.get('/health/ready'))).toBe(200);
  });

  it('of every operation', async () => {
    const started = await endpoint.post(`${ROOT}/noopJob/start`, { jobParameters: { partitions: 500, busyMs: 10 } });
    expect(told(started)).toBe(202);
    const id = started.body.jobExecutionId as number;
    expect(told(await endpoint.post(`${ROOT}/${id}/stop`))).toBe(200);
    await endpoint.ended('noopJob', id);
    const restarted = await endpoint.post(`${ROOT}/${id}/restart`);
    expect(told(restarted)).toBe(200);
    const next = /(\d+)$/.exec(restarted.body.message as string)?.[1];
    expect(told(await endpoint.post(`${ROOT}/${next}/stop?force=true`))).toBe(200);
    expect(told(await endpoint.post(`${ROOT}/${next}/abandon`))).toBe(200);
    expect(told(await endpoint.delete(`${ROOT}/noopJob/${next}`))).toBe(200);
  });

  it('was seen of every route', () => {
    const successes = api.routes.map(({ method, template, statuses }) => {
      const success = statuses.find((status) => status < 300);
      return `${method.toUpperCase()} ${template} ${success}`;
    });
    expect(successes.filter((success) => !seen.has(success))).toEqual([]);
  });
});

describe('a problem is as documented', () => {
  it('of every route: 400', async () => {
    for (const route of routesWith(400)) {
      expect(told(await send(route, `${pathOf(route)}?colour=red`))).toBe(400);
    }
  });

  it('of every route: 401, 403 and 404', async () => {
    const anybody = new Endpoint(fleet.url, '');
    for (const route of routesWith(401)) {
      expect(told(await send(route, pathOf(route), anybody))).toBe(401);
      expect(told(await send(route, pathOf(route), endpoint.as(STRANGER)))).toBe(403);
      expect(told(await send(route, pathOf(route, 'archive')))).toBe(404);
    }
    expect(routesWith(401)).toHaveLength(api.routes.length - 2);
  });

  it('of every operation: 413 and 415', async () => {
    for (const route of routesWith(413)) {
      const big = JSON.stringify({ colour: 'x'.repeat(300_000) });
      expect(told(await send(route, pathOf(route)).type('json').send(big))).toBe(413);
      expect(told(await send(route, pathOf(route)).type('text/plain').send('now'))).toBe(415);
    }
    expect(routesWith(413).map(({ method }) => method)).not.toContain('get');
  });

  it('of what the state does not allow: 409 and 422', async () => {
    const id = await endpoint.start('noopJob', { partitions: 1_000, busyMs: 10 });
    expect(told(await endpoint.post(`${ROOT}/${id}/restart`))).toBe(409);
    expect(told(await endpoint.post(`${ROOT}/${id}/abandon`))).toBe(409);
    expect(told(await endpoint.delete(`${ROOT}/noopJob/${id}`))).toBe(409);
    await endpoint.forceStop(id);
    expect(told(await endpoint.post(`${ROOT}/${id}/stop`))).toBe(409);
    const start = (partitions: number) =>
      endpoint.post(`${ROOT}/noopJob/start`, { jobParameters: { partitions } }).set('Idempotency-Key', 'openapi');
    await start(1);
    expect(told(await start(2))).toBe(422);
  });
});
