import request from 'supertest';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Endpoint, ROOT } from '../support/endpoint.js';
import { Fleet } from '../support/fleet.js';
import { problemIn } from '../support/problems.js';

// A browser sends the credentials of its user with requests that other sites make (CSRF).

const PROXIED = 'https://jobs.example.org';
const VIEWER = { username: 'viewer', password: 'may view and no more' };

let fleet: Fleet;
let endpoint: Endpoint;
let id: number;

beforeAll(async () => {
  fleet = await Fleet.start({
    workers: 0,
    gatewayEnv: { ALLOWED_ORIGINS: PROXIED },
    users: [{ ...VIEWER, permissions: [{ permission: 'VIEW_BATCH_JOBS' }] }],
  });
  endpoint = Endpoint.of(fleet);
  id = await endpoint.start('noopJob');
});

afterAll(() => fleet?.stop());

const here = () => fleet.url;
const elsewhere = () => 'https://evil.example.com';

type Headers = Record<string, string>;

/** What browsers send with a request that another site makes, each for a reason of its own. */
const CROSS_SITE: readonly [what: string, headers: () => Headers][] = [
  ['a form of another site', () => ({ 'Sec-Fetch-Site': 'cross-site', Origin: elsewhere() })],
  ['another site, by fetch metadata alone', () => ({ 'Sec-Fetch-Site': 'cross-site' })],
  ['another host of the same site', () => ({ 'Sec-Fetch-Site': 'same-site' })],
  ['another site over plain HTTP, without fetch metadata', () => ({ Origin: elsewhere() })],
  ['a sandboxed frame', () => ({ Origin: 'null' })],
  ['another port of this host', () => ({ Origin: 'http://127.0.0.1:1' })],
  ['a host that begins like this one', () => ({ Origin: `${here()}.example.com` })],
  ['what is not an origin', () => ({ Origin: '//' })],
  ['an unknown kind of site', () => ({ 'Sec-Fetch-Site': 'friendly', Origin: here() })],
];

const OPERATIONS = [
  ['post', () => `${ROOT}/${id}/stop?force=true`],
  ['post', () => `${ROOT}/${id}/stop`],
  ['post', () => `${ROOT}/${id}/restart`],
  ['post', () => `${ROOT}/${id}/abandon`],
  ['post', () => `${ROOT}/noopJob/start`],
  ['delete', () => `${ROOT}/noopJob/${id}`],
] as const;

const refused = { status: 403, code: 'CROSS_SITE_REQUEST' };

describe('a request that another site makes', () => {
  it.each(CROSS_SITE)('changes nothing: %s', async (_, headers) => {
    for (const [method, path] of OPERATIONS) {
      expect(problemIn(await endpoint[method](path()).set(headers()))).toMatchObject(refused);
    }
    expect((await endpoint.view('noopJob', id)).status).toBe('STARTING');
    expect(await endpoint.list('noopJob')).toHaveLength(1);
  });

  it.each(['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'application/json'])(
    'is refused for that, whatever its body: %s',
    async (type) => {
      const response = await endpoint
        .post(`${ROOT}/noopJob/start`)
        .set({ Origin: elsewhere(), 'Content-Type': type })
        .send('{"jobParameters": {');
      expect(problemIn(response)).toMatchObject({ ...refused, operation: 'start' });
    },
  );

  it('is recorded in the audit', async () => {
    const response = await endpoint.post(`${ROOT}/${id}/stop?force=true`).set('Origin', elsewhere()).expect(403);
    const { entries } = (await endpoint.get(`${ROOT}/audit?count=1`).expect(200)).body;
    expect(entries[0]).toMatchObject({
      username: 'operator',
      operation: 'force-stop',
      executionId: id,
      outcome: 'CROSS_SITE_REQUEST',
      message: response.body.detail,
    });
  });

  it('shows nobody more than they would see anyway', async () => {
    const anybody = request(fleet.url).post(`${ROOT}/${id}/stop`).set('Origin', elsewhere());
    expect((await anybody).status).toBe(401);
    const viewer = endpoint.as(VIEWER).post(`${ROOT}/${id}/stop`).set('Origin', elsewhere());
    expect(problemIn(await viewer)).toMatchObject({ status: 403, code: 'MISSING_PERMISSION' });
  });

  it('may read: browsers do not show the answer to the site', async () => {
    expect((await endpoint.get(ROOT).set('Sec-Fetch-Site', 'cross-site')).status).toBe(200);
  });
});

describe('a request that is made here', () => {
  const ALLOWED: readonly [what: string, headers: () => Headers][] = [
    ['no browser', () => ({})],
    ['a page of the gateway', () => ({ 'Sec-Fetch-Site': 'same-origin', Origin: here() })],
    ['a page over plain HTTP', () => ({ Origin: here() })],
    ['the address bar', () => ({ 'Sec-Fetch-Site': 'none' })],
    ['an origin behind a proxy that is in the settings', () => ({ 'Sec-Fetch-Site': 'same-origin', Origin: PROXIED })],
    ['a default port', () => ({ Host: 'jobs.internal', Origin: 'http://jobs.internal' })],
    ['a default port that the host names', () => ({ Host: 'Jobs.internal:443', Origin: 'https://jobs.internal' })],
  ];

  it.each(ALLOWED)('is carried out: %s', async (_, headers) => {
    const started = await endpoint.post(`${ROOT}/noopJob/start`).set(headers());
    expect(started.status).toBe(202);
    const stopped = await endpoint.post(`${ROOT}/${started.body.jobExecutionId}/stop?force=true`).set(headers());
    expect(stopped.status).toBe(200);
  });
});
