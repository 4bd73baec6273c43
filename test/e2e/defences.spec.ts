import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Endpoint, ROOT } from '../support/endpoint.js';
import { Fleet } from '../support/fleet.js';
import { answerIn, exchange } from '../support/hostile/wire.js';
import { problemIn } from '../support/problems.js';

// What a gateway bears from those it should not trust. Who may call what stands in permissions.spec.ts.

const BOARD = '/admin/queues';
const DOCS = '/swagger-ui';

let fleet: Fleet;
let endpoint: Endpoint;

beforeAll(async () => {
  fleet = await Fleet.start({ workers: 0 });
  endpoint = Endpoint.of(fleet);
});

afterAll(() => fleet?.stop());

interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
}

/** Asks for a path just as it is: a client that thinks along would tidy it up. */
function ask(path: string, headers: Record<string, string> = { authorization: fleet.authorization }): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = httpRequest({ host: '127.0.0.1', port: fleet.port, path, headers }, (response) => {
      text(response).then(
        (body) => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
        reject,
      );
    });
    asked.once('error', reject).end();
  });
}

const isPage = (path: string) => [BOARD, DOCS].some((page) => path.startsWith(page));

/** A page's parts come from the gateway: no other host, and none by its protocol alone, is asked even for fonts. */
const PAGE = /^(?!.*(https?:|\*)).*default-src 'self'.*script-src 'self'/;
const NOTHING = /^default-src 'none';frame-ancestors 'none'$/;

describe('every answer carries the headers of a page that trusts nobody', () => {
  const KINDS: readonly [kind: string, path: string, status: number, headers?: Record<string, string>][] = [
    ['a list', `${ROOT}/noopJob`, 200],
    ['a bad request', `${ROOT}/noopJob?count=0`, 400],
    ['a stranger', ROOT, 401, {}],
    ['what is not there', '/batch-jobs', 404],
    ['a path that cannot be read', '/%zz', 400],
    ['a path that is too long', `${ROOT}/${'x'.repeat(300)}`, 414],
    ['health', '/health/live', 200],
    ['the document', '/openapi.json', 200],
    ['the documentation', DOCS, 200],
    ['a part of it', `${DOCS}/swagger-ui.css`, 200],
    ['the board', BOARD, 200],
    ["the board's queues", `${BOARD}/api/queues`, 200],
    ['a part of the board', `${BOARD}/static/favicon.ico`, 200],
    ['a stranger at the board', BOARD, 401, {}],
  ];

  it.each(KINDS)('to %s', async (_, path, status, headers) => {
    const answer = await ask(path, headers);
    expect(answer.status).toBe(status);
    expect(answer.headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'SAMEORIGIN',
      'referrer-policy': 'no-referrer',
      'strict-transport-security': expect.stringContaining('max-age='),
      'cross-origin-opener-policy': 'same-origin',
    });
    expect(Object.keys(answer.headers)).not.toContain('x-powered-by');
    expect(Object.keys(answer.headers)).not.toContain('server');
    expect(answer.headers['content-security-policy']).toMatch(isPage(path) ? PAGE : NOTHING);
  });
});

/** Asks with just these headers: no host is added. */
const askWith = async (path: string, headers: string) =>
  answerIn(await exchange(fleet.url, `GET ${path} HTTP/1.1\r\nConnection: close\r\n${headers}\r\n`));

describe('no answer is left to Node', () => {
  const KINDS = [ROOT, '/batch-jobs', '/health/live', '/openapi.json', DOCS, BOARD, `${BOARD}/static/favicon.ico`];

  it.each(KINDS)('to %s without a host', async (path) => {
    const { status, headers, body } = await askWith(path, `Authorization: ${fleet.authorization}\r\n`);
    expect([status, headers['content-type'], body]).toEqual([
      400,
      'application/problem+json; charset=utf-8',
      expect.objectContaining({ code: 'INVALID_REQUEST', detail: 'HTTP/1.1 needs a Host header.', instance: path }),
    ]);
    expect(headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'x-frame-options': 'SAMEORIGIN' });
    expect(headers['content-security-policy']).toMatch(isPage(path) ? PAGE : NOTHING);
  });

  it('but HTTP/1.0 needs none', async () => {
    const heard = await exchange(fleet.url, 'GET /health/live HTTP/1.0\r\n\r\n');
    expect(answerIn(heard).status).toBe(200);
  });

  it('to an expectation that nobody knows', async () => {
    const { status, headers } = await askWith('/health/live', 'Host: a\r\nExpect: nonsense\r\n');
    expect(status).toBe(200);
    expect(headers).toMatchObject({ 'x-content-type-options': 'nosniff' });
  });
});

describe('limits', () => {
  it('a path part of 256 characters, and no more', async () => {
    const long = await endpoint.get(`${ROOT}/${'x'.repeat(257)}`);
    expect(problemIn(long)).toMatchObject({ status: 414, code: 'URI_TOO_LONG' });
    expect((await endpoint.get(`${ROOT}/${'x'.repeat(256)}`)).status).toBe(400);
  });

  it.each([
    ['a long query', () => ask(`${ROOT}?${'x'.repeat(20_000)}`)],
    ['a long header', () => ask(ROOT, { colour: 'x'.repeat(20_000) })],
  ])('16 KB of path and headers: %s', async (_, send) => {
    const { status, headers, body } = await send();
    expect([status, headers['content-type'], JSON.parse(body).code]).toEqual([
      431,
      'application/problem+json; charset=utf-8',
      'HEADERS_TOO_LARGE',
    ]);
  });
});

/** What a connection is answered until the gateway hangs up; `feed` may go on sending meanwhile. */
function untilHungUp(opening: string, feed = ''): Promise<{ heard: string; ms: number }> {
  return new Promise((resolve) => {
    const begin = Date.now();
    let heard = '';
    const socket = connect(fleet.port, '127.0.0.1', () => socket.write(opening));
    const feeding = setInterval(() => feed && socket.write(feed), 500);
    socket.setEncoding('utf8').on('data', (data: string) => (heard += data));
    // Whoever goes on sending is reset.
    socket.on('error', () => undefined);
    socket.once('close', () => {
      clearInterval(feeding);
      resolve({ heard, ms: Date.now() - begin });
    });
  });
}

const problem = (status: string, code: string) =>
  expect.stringMatching(
    new RegExp(`^HTTP/1.1 ${status}\\r\\n(.*\\r\\n)*Connection: close\\r\\n(.*\\r\\n)*.*"${code}"`),
  );

describe('whoever is no good client is hung up on', () => {
  it('at once, where it speaks no HTTP', async () => {
    const { heard } = await untilHungUp('EHLO longshore\r\n\r\n');
    expect(heard).toEqual(problem('400 Bad Request', 'INVALID_REQUEST'));
  });

  it('within seconds, where it never comes to an end', async () => {
    const post = `POST ${ROOT}/noopJob/start HTTP/1.1\r\nHost: x\r\nAuthorization: ${fleet.authorization}\r\n`;
    const slow = Promise.all([
      untilHungUp(''),
      untilHungUp('GET /heal'),
      untilHungUp(post),
      untilHungUp(post, 'X-More: x\r\n'),
      untilHungUp(`${post}Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"jobPar`),
      untilHungUp(`${post}Content-Type: application/json\r\nContent-Length: 100000\r\n\r\n{"x":"`, 'x'),
    ]);
    // Nobody else waits for them.
    expect((await endpoint.get(ROOT)).status).toBe(200);
    for (const { heard, ms } of await slow) {
      expect(heard).toEqual(problem('408 Request Timeout', 'REQUEST_TIMEOUT'));
      expect(ms).toBeLessThan(25_000);
    }
    expect(await endpoint.list('noopJob')).toEqual([]);
  });
});

describe('nothing outside is shown', () => {
  const UPS = ['../', '%2e%2e/', '..%2f', '%2e%2e%2f', '..%5c', '%252e%252e%252f', './../', '//../'];
  const BASES = [`${BOARD}/static/`, `${DOCS}/`];
  const FILES = ['package.json', 'index.ejs', 'etc/passwd'];

  it.each(BASES.flatMap((base) => UPS.map((up) => [base, up] as const)))('by %s%s', async (base, up) => {
    for (const depth of [1, 2, 4, 12]) {
      for (const file of FILES) {
        const { status, body } = await ask(`${base}${up.repeat(depth)}${file}`);
        expect([400, 403, 404]).toContain(status);
        expect(body).not.toMatch(/"name"|root:|<%=/);
      }
    }
  });

  it('by a source', async () => {
    const { importDirectory } = fleet;
    writeFileSync(join(importDirectory, '../outside.ndjson'), '{"resourceType":"Basic","id":"outside"}\n');
    mkdirSync(join(importDirectory, 'inside'));
    symlinkSync('../../outside.ndjson', join(importDirectory, 'inside/link.ndjson'));
    symlinkSync('../..', join(importDirectory, 'inside/way-out'));
    const sources = [
      '../outside.ndjson',
      join(importDirectory, '../outside.ndjson'),
      'inside/../../outside.ndjson',
      'inside',
      'inside/link.ndjson',
      'inside/way-out',
      'inside/way-out/outside.ndjson',
      'inside/way-out/*.ndjson',
      '{..,inside}/*.ndjson',
      '/etc/passwd',
      'file:///etc/passwd',
    ];
    for (const source of sources) {
      const refused = problemIn(await endpoint.post(`${ROOT}/bulkImportJob/start`, { jobParameters: { source } }));
      expect([source, refused.code, refused.fields]).toEqual([source, 'INVALID_PARAMETERS', ['source']]);
    }
  });
});
