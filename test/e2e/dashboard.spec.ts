import request from 'supertest';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Endpoint } from '../support/endpoint.js';
import { Fleet } from '../support/fleet.js';
import { problemIn } from '../support/problems.js';

const BOARD = '/admin/queues';
const QUEUES = `${BOARD}/api/queues`;

const MANAGER = { username: 'manager', password: 'may manage, not view' };
const ELSEWHERE = { username: 'elsewhere', password: 'may view another module' };
const LOCAL = { username: 'local', password: 'may view this module' };
const EVERYWHERE = { username: 'everywhere', password: 'may view both modules' };

const view = (argument: string) => ({ permission: 'VIEW_BATCH_JOBS', argument });

interface BoardQueue {
  name: string;
  readOnlyMode: boolean;
  isPaused: boolean;
  counts: Record<string, number>;
  jobs: { data: unknown }[];
}

let fleet: Fleet;
let endpoint: Endpoint;
let id: number;

beforeAll(async () => {
  fleet = await Fleet.start({
    // Nobody takes the job away while the board shows it.
    workers: 0,
    users: [
      { ...MANAGER, permissions: [{ permission: 'MANAGE_BATCH_JOBS' }] },
      { ...ELSEWHERE, permissions: [view('archive')] },
      { ...LOCAL, permissions: [view('persistence')] },
      { ...EVERYWHERE, permissions: [view('persistence'), view('records')] },
    ],
    modules: ['records'],
  });
  endpoint = Endpoint.of(fleet);
  id = await endpoint.start('noopJob');
});

afterAll(() => fleet?.stop());

const queuesOf = async (caller: Endpoint, query = ''): Promise<BoardQueue[]> =>
  (await caller.get(QUEUES + query).expect(200)).body.queues as BoardQueue[];

describe('the dashboard', () => {
  it('is a page with its own scripts and styles', async () => {
    const { text, headers } = await endpoint.get(BOARD).expect(200);
    expect(headers['content-type']).toBe('text/html; charset=utf-8');
    expect(text).toContain('<title>Longshore</title>');
    const parts = [...text.matchAll(/(?:src|href)="(static\/[^"]+\.(?:js|css))"/g)].map(([, path]) => path);
    expect(parts.length).toBeGreaterThanOrEqual(2);
    for (const part of parts) {
      const response = await endpoint.get(`${BOARD}/${part}`);
      expect([response.status, response.headers['content-type']]).toEqual([
        200,
        expect.stringMatching(/javascript|css/),
      ]);
    }
  });

  it('shows the queues of the module, and what stands in them', async () => {
    const queues = await queuesOf(endpoint, '?activeQueue=persistence-executions&status=waiting&page=1&jobsPerPage=10');
    const names = queues.map(({ name }) => name).filter((name) => name.startsWith('persistence-'));
    expect(names).toEqual(['persistence-executions', 'persistence-steps', 'persistence-partitions']);
    const [executions] = queues;
    expect(executions).toMatchObject({ counts: { waiting: 1 }, isPaused: false });
    expect(executions?.jobs.map(({ data }) => data)).toMatchObject([{ executionId: id }]);
  });

  it.each([
    ['put', `${QUEUES}/persistence-executions/pause`],
    ['put', `${QUEUES}/persistence-executions/clean/waiting`],
    ['put', `${QUEUES}/persistence-executions/empty`],
    ['put', `${QUEUES}/pause`],
    ['post', `${QUEUES}/persistence-executions/add`],
    ['put', `${QUEUES}/persistence-executions/obliterate`],
    ['patch', `${QUEUES}/persistence-executions/1/update-data`],
  ] as const)('is read-only: %s %s', async (method, path) => {
    const response = await request(fleet.url)[method](path).set('Authorization', endpoint.authorization).send({});
    expect(problemIn(response)).toMatchObject({ status: 405, code: 'METHOD_NOT_ALLOWED' });
    expect(response.headers.allow).toBe('GET, HEAD');
    const queues = await queuesOf(endpoint);
    expect(queues.map(({ readOnlyMode, isPaused }) => [readOnlyMode, isPaused])).toEqual(
      queues.map(() => [true, false]),
    );
    expect(queues[0]?.counts.waiting).toBe(1);
  });

  it.each([BOARD, QUEUES, `${BOARD}/static/favicon-32x32.png`])('asks who calls: %s', async (path) => {
    const response = await request(fleet.url).get(path);
    expect(problemIn(response)).toMatchObject({ status: 401, code: 'UNAUTHENTICATED' });
    expect(response.headers['www-authenticate']).toMatch(/^Basic /);
  });

  it.each([BOARD, QUEUES])('is for those who may view: %s', async (path) => {
    expect(problemIn(await endpoint.as(MANAGER).get(path))).toMatchObject({
      status: 403,
      code: 'MISSING_PERMISSION',
      detail: 'This needs the permission VIEW_BATCH_JOBS.',
    });
  });

  it('shows what concerns Redis as a whole to those who may view every module', async () => {
    const path = `${BOARD}/api/redis/stats`;
    expect((await endpoint.get(path).expect(200)).body).toMatchObject({ backend: 'redis' });
    for (const viewer of [ELSEWHERE, LOCAL]) {
      expect(problemIn(await endpoint.as(viewer).get(path))).toMatchObject({
        status: 403,
        code: 'MISSING_PERMISSION',
        detail: 'This needs the permission VIEW_BATCH_JOBS on every module.',
      });
    }
    expect((await endpoint.as(EVERYWHERE).get(path)).status).toBe(200);
  });

  it('shows nobody the queues of a module they may not view', async () => {
    expect(await queuesOf(endpoint.as(ELSEWHERE))).toEqual([]);
    const { status, text } = await endpoint.as(ELSEWHERE).get(`${QUEUES}/persistence-executions/1`);
    expect(status).toBeGreaterThanOrEqual(400);
    expect(text).not.toContain('executionUUID');
  });
});
