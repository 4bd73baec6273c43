import request from 'supertest';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { basic } from '../support/endpoint.js';
import { Fleet } from '../support/fleet.js';
import { problemIn } from '../support/problems.js';
import { routesOf } from '../support/routes.js';

type Permission = 'VIEW_BATCH_JOBS' | 'MANAGE_BATCH_JOBS';

/** Who may call a route. */
type Rule =
  | { who: 'anybody' }
  /** Who holds the permission, for the module in the path, or for any, or for every one, where the path names none. */
  | { who: Permission; on: 'the module' | 'any module' | 'every module' };

const ANYBODY = { who: 'anybody' } as const;
const VIEW = { who: 'VIEW_BATCH_JOBS', on: 'the module' } as const;
const MANAGE = { who: 'MANAGE_BATCH_JOBS', on: 'the module' } as const;
/** Bull Board shows each viewer the queues of the modules they may view; see dashboard.spec.ts. */
const VIEW_ANY = { who: 'VIEW_BATCH_JOBS', on: 'any module' } as const;

/** What concerns Redis as a whole. */
const VIEW_ALL = { who: 'VIEW_BATCH_JOBS', on: 'every module' } as const;

const UNKNOWN = '987654';
const BOARD = '/admin/queues';
const QUEUE = `${BOARD}/api/queues/:queueName`;

/**
 * Every route of the gateway: who may call it, and the status that they get. A route that is not here fails the test, and
 * so does a row without its route. HEAD goes by the row of GET. Where a path names an execution, it is one that does not
 * exist: whoever may not call learns nothing of that.
 */
const ROUTES: readonly [method: string, url: string, rule: Rule, status: number][] = [
  ['GET', '/batch-job/:module_id', VIEW, 200],
  ['GET', '/batch-job/:module_id/:job_name', VIEW, 200],
  ['GET', '/batch-job/:module_id/:job_name/:job_execution_id', VIEW, 404],
  ['GET', '/batch-job/:module_id/:job_name/:job_execution_id/verify', VIEW, 404],
  ['GET', '/batch-job/:module_id/audit', MANAGE, 200],
  ['GET', '/batch-job/:module_id/fleet', VIEW, 200],
  ['POST', '/batch-job/:module_id/:job_name/start', MANAGE, 202],
  ['POST', '/batch-job/:module_id/:job_execution_id/stop', MANAGE, 404],
  ['POST', '/batch-job/:module_id/:job_execution_id/restart', MANAGE, 404],
  ['POST', '/batch-job/:module_id/:job_execution_id/abandon', MANAGE, 404],
  ['DELETE', '/batch-job/:module_id/:job_name/:job_execution_id', MANAGE, 404],

  ['GET', '/health/live', ANYBODY, 200],
  ['GET', '/health/ready', ANYBODY, 200],
  ['GET', '/metrics', VIEW_ALL, 200],
  ['GET', '/openapi.json', ANYBODY, 200],
  ['GET', '/swagger-ui', ANYBODY, 200],
  ['GET', '/swagger-ui/', ANYBODY, 200],
  ['GET', '/swagger-ui/*', ANYBODY, 404],
  ['GET', '/swagger-ui/LICENSE', ANYBODY, 404],
  ['GET', '/swagger-ui/index.html', ANYBODY, 200],
  ['GET', '/swagger-ui/swagger-ui-init.js', ANYBODY, 200],
  ['GET', '/swagger-ui/swagger-ui/swagger-ui-init.js', ANYBODY, 200],

  ['GET', BOARD, VIEW_ANY, 200],
  ['GET', `${BOARD}/`, VIEW_ANY, 200],
  ['GET', `${BOARD}/static/*`, VIEW_ANY, 404],
  ['GET', `${BOARD}/metrics-history`, VIEW_ANY, 200],
  ['GET', `${BOARD}/job-schedulers`, VIEW_ANY, 200],
  ['GET', `${BOARD}/queue/:queueName`, VIEW_ANY, 200],
  ['GET', `${BOARD}/queue/:queueName/:jobId`, VIEW_ANY, 200],
  ['GET', `${BOARD}/api/redis/stats`, VIEW_ALL, 200],
  ['GET', `${BOARD}/api/job-schedulers`, VIEW_ANY, 200],
  ['GET', `${BOARD}/api/queues`, VIEW_ANY, 200],
  ['PUT', `${BOARD}/api/queues/pause`, VIEW_ANY, 405],
  ['PUT', `${BOARD}/api/queues/resume`, VIEW_ANY, 405],
  ['GET', `${QUEUE}/metrics`, VIEW_ANY, 200],
  ['GET', `${QUEUE}/default-job-options`, VIEW_ANY, 200],
  ['GET', `${QUEUE}/workers`, VIEW_ANY, 200],
  ['GET', `${QUEUE}/rate-limit`, VIEW_ANY, 200],
  ['GET', `${QUEUE}/job-data-schema`, VIEW_ANY, 200],
  ['POST', `${QUEUE}/add`, VIEW_ANY, 405],
  ['PUT', `${QUEUE}/retry/:queueStatus`, VIEW_ANY, 405],
  ['PUT', `${QUEUE}/promote`, VIEW_ANY, 405],
  ['PUT', `${QUEUE}/clean/:queueStatus`, VIEW_ANY, 405],
  ['PUT', `${QUEUE}/pause`, VIEW_ANY, 405],
  ['PUT', `${QUEUE}/resume`, VIEW_ANY, 405],
  ['PUT', `${QUEUE}/concurrency`, VIEW_ANY, 405],
  ['PUT', `${QUEUE}/rate-limit`, VIEW_ANY, 405],
  ['PUT', `${QUEUE}/rate-limit/release`, VIEW_ANY, 405],
  ['PUT', `${QUEUE}/empty`, VIEW_ANY, 405],
  ['PUT', `${QUEUE}/obliterate`, VIEW_ANY, 405],
  ['PUT', `${QUEUE}/job-schedulers/:schedulerId/remove`, VIEW_ANY, 405],
  ['PATCH', `${QUEUE}/job-schedulers/:schedulerId`, VIEW_ANY, 405],
  ['PUT', `${QUEUE}/job-schedulers/:schedulerId/run`, VIEW_ANY, 405],
  ['GET', `${QUEUE}/:jobId`, VIEW_ANY, 404],
  ['GET', `${QUEUE}/:jobId/logs`, VIEW_ANY, 200],
  ['GET', `${QUEUE}/:jobId/flow`, VIEW_ANY, 404],
  ['PUT', `${QUEUE}/:jobId/retry`, VIEW_ANY, 405],
  ['PUT', `${QUEUE}/:jobId/clean`, VIEW_ANY, 405],
  ['PUT', `${QUEUE}/:jobId/promote`, VIEW_ANY, 405],
  ['PATCH', `${QUEUE}/:jobId/update-data`, VIEW_ANY, 405],
  ['PATCH', `${QUEUE}/:jobId/delay`, VIEW_ANY, 405],
  ['PATCH', `${QUEUE}/:jobId/priority`, VIEW_ANY, 405],
  ['PUT', `${QUEUE}/:jobId/remove-unprocessed-children`, VIEW_ANY, 405],
];

const words: Readonly<Record<string, string>> = {
  ':module_id': 'persistence',
  ':job_name': 'noopJob',
  ':job_execution_id': UNKNOWN,
  ':queueName': 'persistence-executions',
  ':jobId': UNKNOWN,
  ':queueStatus': 'waiting',
  ':schedulerId': 'none',
};

const pathOf = (url: string): string =>
  url
    .split('/')
    .map((word) => words[word] ?? word)
    .join('/');

const user = (username: string, ...permissions: { permission: Permission; argument?: string }[]) => ({
  username,
  password: `the password: of ${username}`,
  permissions,
});
const both = (argument?: string) =>
  (['VIEW_BATCH_JOBS', 'MANAGE_BATCH_JOBS'] as const).map((permission) => ({
    permission,
    ...(argument && { argument }),
  }));

const USERS = {
  nobody: user('nobody'),
  viewer: user('viewer', { permission: 'VIEW_BATCH_JOBS' }),
  manager: user('manager', { permission: 'MANAGE_BATCH_JOBS' }),
  elsewhere: user('elsewhere', ...both('archive')),
  local: user('local', ...both('persistence')),
};

/** Who holds this permission and no other, and who holds the other one. */
const HOLDER = { VIEW_BATCH_JOBS: 'viewer', MANAGE_BATCH_JOBS: 'manager' } as const;
const OTHER = { VIEW_BATCH_JOBS: 'manager', MANAGE_BATCH_JOBS: 'viewer' } as const;

let fleet: Fleet;

beforeAll(async () => {
  fleet = await Fleet.start({ workers: 0, users: Object.values(USERS), gatewayEnv: { LOG_LEVEL: 'debug' } });
});

afterAll(() => fleet?.stop());

/** What this caller is answered. */
function call(method: string, path: string, name?: keyof typeof USERS): request.Test {
  const asked = request(fleet.url)[method.toLowerCase() as 'get'](path);
  return name ? asked.set('Authorization', basic(USERS[name])) : asked;
}

describe('the table', () => {
  it('has every route, and no other', () => {
    const served = routesOf(fleet.gateway).map(({ method, url }) => `${method.replace('HEAD', 'GET')} ${url}`);
    expect([...new Set(served)].toSorted()).toEqual(ROUTES.map(([method, url]) => `${method} ${url}`).toSorted());
  });
});

const HEADS = ROUTES.filter(([method]) => method === 'GET').map(([, ...row]) => ['HEAD', ...row] as const);
const ALL = [...ROUTES, ...HEADS];
const OPEN = ALL.filter(([, , { who }]) => who === 'anybody');
const GUARDED = ALL.flatMap(([method, url, rule, status]) =>
  rule.who === 'anybody' ? [] : [[method, url, rule, status] as const],
);

/** Statuses that these callers get, one after the other. */
async function statusesOf(
  method: string,
  url: string,
  ...names: (keyof typeof USERS | undefined)[]
): Promise<number[]> {
  const statuses: number[] = [];
  for (const name of names) statuses.push((await call(method, pathOf(url), name)).status);
  return statuses;
}

describe('anybody may call', () => {
  it.each(OPEN)('%s %s', async (method, url, _, status) => {
    expect(await statusesOf(method, url, undefined, 'nobody')).toEqual([status, status]);
  });
});

describe('who has the permission may call', () => {
  it.each(GUARDED)('%s %s', async (method, url, { who }, status) => {
    expect(await statusesOf(method, url, HOLDER[who], 'local')).toEqual([status, status]);
  });
});

describe('nobody else may call', () => {
  it.each(GUARDED)('%s %s', async (method, url, { who, on }) => {
    const strangers = ['nobody', OTHER[who], ...(on === 'any module' ? [] : ['elsewhere' as const])] as const;
    expect(await statusesOf(method, url, undefined, ...strangers)).toEqual([401, ...strangers.map(() => 403)]);
    if (method === 'HEAD') return;
    const where = on === 'the module' ? ' on module persistence' : '';
    const { code, detail } = problemIn(await call(method, pathOf(url), 'nobody'));
    expect([code, detail]).toEqual(['MISSING_PERMISSION', `This needs the permission ${who}${where}.`]);
  });
});

describe('a permission for another module', () => {
  const ROWS = GUARDED.filter(([method, , { on }]) => method !== 'HEAD' && on === 'any module');

  it.each(ROWS)('shows nothing of this one: %s %s', async (method, url, _, status) => {
    const path = pathOf(url);
    const response = await call(method, path, 'elsewhere');
    expect([status, 404]).toContain(response.status);
    expect(response.text.replaceAll(path, '')).not.toContain('persistence');
  });
});
