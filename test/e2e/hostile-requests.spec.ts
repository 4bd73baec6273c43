import { assert as check, asyncProperty, bigInt, constantFrom, double, oneof, string, uint8Array } from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LocalProcess } from '../../scripts/local/processes.js';
import { ApiDocument, type DocumentedParameter, type DocumentedRoute } from '../support/api-document.js';
import { basic, Endpoint, ROOT } from '../support/endpoint.js';
import { Fleet } from '../support/fleet.js';
import { HOSTILE_BODIES } from '../support/hostile/bodies.js';
import { peakMemoryOf, TELLS_MEMORY } from '../support/hostile/memory.js';
import { decoded, example, extremes, fits, HOSTILE_NAMES, HOSTILE_VALUES } from '../support/hostile/parameters.js';
import { answerIn, ask, exchange, type WireAnswer, type WireRequest } from '../support/hostile/wire.js';
import { problemIn } from '../support/problems.js';

/** Of every parameter this many random values are tried; the seed has them be the same in every run. */
const RANDOM = { seed: 2026, numRuns: 25 };

/** What the gateway may grow by, in MB. */
const GROWTH_MB = 200;

/** Longest refusal, in bytes, however much there is to refuse. */
const LONGEST_REFUSAL = 64 * 1_024;

/** A URL with more than this has no room beside the headers. */
const LONGEST_URL = 15_000;

let fleet: Fleet;
let endpoint: Endpoint;
let routes: DocumentedRoute[];
let gateway: LocalProcess;
let ordinaryPeak = 0;
let finished = 0;

beforeAll(async () => {
  fleet = await Fleet.start();
  endpoint = Endpoint.of(fleet);
  gateway = fleet.gateway;
  routes = (await ApiDocument.of(fleet.url)).routes;
  finished = (await endpoint.run('noopJob')).id;
  for (let i = 0; i < 500; i++) await send({ method: 'GET', path: `${ROOT}/noopJob` });
  if (TELLS_MEMORY) ordinaryPeak = peakMemoryOf(gateway);
});

afterAll(() => fleet?.stop());

const send = ({ headers, ...request }: WireRequest): Promise<WireAnswer> =>
  ask(fleet.url, { ...request, headers: { Authorization: fleet.authorization, ...headers } });

/** What a path has where nothing is wrong with it. */
const ORDINARY: Readonly<Record<string, string>> = { module_id: 'persistence', job_name: 'noopJob' };

/** A request of a route with these values, as they stand in the URL or the header; the others are as they should be. */
function requestOf({ method, template }: DocumentedRoute, given: readonly (readonly [DocumentedParameter, string])[]) {
  const valueOf = (name: string) => given.find(([parameter]) => parameter.name === name)?.[1];
  const path = template.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    return valueOf(name) ?? ORDINARY[name] ?? String(finished);
  });
  const those = (place: DocumentedParameter['in']) => given.filter(([parameter]) => parameter.in === place);
  const query = those('query').map(([{ name }, value]) => `${name}=${value}`);
  return {
    method: method.toUpperCase(),
    path: query.length > 0 ? `${path}?${query.join('&')}` : path,
    headers: Object.fromEntries(those('header').map(([{ name }, value]) => [name, value])),
  };
}

/** Every parameter of every route. */
const parameters = (...places: DocumentedParameter['in'][]) =>
  routes.flatMap((route) =>
    route.parameters.filter((p) => places.includes(p.in)).map((parameter) => ({ route, parameter })),
  );

/** How a bad value is refused. */
function refusalOf({ template }: DocumentedRoute, { name, in: place }: DocumentedParameter, raw: string): object {
  if (raw.length > LONGEST_URL) return { status: 431, code: 'HEADERS_TOO_LARGE' };
  if (place !== 'path') return { status: 400, code: 'INVALID_REQUEST', fields: [name] };
  if (decoded(raw, place) === undefined) return { status: 400, code: 'INVALID_REQUEST' };
  if (raw.length > 256) return { status: 414, code: 'URI_TOO_LONG' };
  if (raw !== '') return { status: 400, fields: [name] };
  // A slash at the end is forgiven: then it is a request for what is above.
  return { status: template.endsWith(`/{${name}}`) ? expect.toBeOneOf([200, 404, 405]) : 404 };
}

/** What may be said to a request with nothing wrong in it: done, not there, not now. */
const TAKEN = [200, 202, 404, 409, 422];

/** Asks with one value of one parameter. @returns what was told, and what the document wants told */
async function tried(route: DocumentedRoute, parameter: DocumentedParameter, raw: string) {
  const answer = await send(requestOf(route, [[parameter, raw]]));
  const problem = answer.status < 300 ? { status: answer.status } : problemIn(answer);
  const good = raw.length <= LONGEST_URL && fits(parameter.schema, [decoded(raw, parameter.in)]);
  return {
    told: { ...problem, raw: raw.slice(0, 400), taken: TAKEN.includes(problem.status) },
    wanted: good ? { taken: true } : refusalOf(route, parameter, raw),
  };
}

/** Texts of every kind, encoded as a URL wants them, and some that are not. */
const anyValue = oneof(
  uint8Array({ minLength: 1, maxLength: 12 }).map(
    (bytes) =>
      `%${Buffer.from(bytes)
        .toString('hex')
        .replaceAll(/..(?=.)/g, '$&%')}`,
  ),
  string({ unit: 'grapheme', minLength: 1, maxLength: 12 }).map(encodeURIComponent),
  bigInt({ min: -(10n ** 25n), max: 10n ** 25n }).map(String),
  double().map((number) => encodeURIComponent(String(number))),
  constantFrom(...HOSTILE_VALUES.filter((value) => value.length < 1_000)),
);

describe('a parameter', () => {
  it('is there for each route', () => {
    const names = new Set(parameters('path', 'query', 'header').map(({ parameter }) => parameter.name));
    expect([...names]).toEqual(
      expect.arrayContaining(['module_id', 'job_execution_id', 'start', 'before', 'Idempotency-Key']),
    );
  });

  it('that is wrong in type, sign, size or encoding is named', async () => {
    for (const { route, parameter } of parameters('path', 'query')) {
      const answers = await Promise.all(HOSTILE_VALUES.map((raw) => tried(route, parameter, raw)));
      for (const { told, wanted } of answers) expect(told).toMatchObject(wanted);
    }
  });

  it('that is whatever chance makes of it is accepted or named', async () => {
    for (const { route, parameter } of parameters('path', 'query')) {
      await check(
        asyncProperty(anyValue, async (raw) => {
          const { told, wanted } = await tried(route, parameter, raw);
          expect(told).toMatchObject(wanted);
        }),
        RANDOM,
      );
    }
  });

  it('that is as small or as large as may be is taken', async () => {
    for (const { route, parameter } of parameters('path', 'query')) {
      for (const raw of extremes(parameter.schema)) {
        const { told, wanted } = await tried(route, parameter, raw);
        expect(told).toMatchObject(wanted);
      }
    }
    for (const route of routes) {
      const numbers = route.parameters.filter(({ schema }) => schema.type === 'integer');
      const { status } = await send(
        requestOf(
          route,
          numbers.map((number) => [number, extremes(number.schema)[1]!]),
        ),
      );
      expect(status).toBeLessThan(500);
    }
  });

  it('that is given twice is named, unless it is a list', async () => {
    for (const { route, parameter } of parameters('query')) {
      const value = example(parameter);
      const answer = await send(
        requestOf(route, [
          [parameter, value],
          [parameter, value],
        ]),
      );
      const told = answer.status < 300 ? { status: answer.status } : problemIn(answer);
      expect(told).toMatchObject(parameter.schema.items ? { status: 200 } : { status: 400, fields: [parameter.name] });
    }
  });

  it('that is not known is named', async () => {
    for (const route of routes.filter(({ statuses }) => statuses.includes(400))) {
      for (const raw of HOSTILE_NAMES) {
        const { method, path } = requestOf(route, []);
        const field = (decoded(raw, 'query') ?? raw).slice(0, 100);
        expect(problemIn(await send({ method, path: `${path}?${raw}=1` }))).toMatchObject({
          status: 400,
          fields: [field],
        });
      }
    }
  });

  it('of a header is named too', async () => {
    for (const { route, parameter } of parameters('header')) {
      for (const value of ['', '\t', 'x'.repeat(256), 'schlüssel', '\xff', 'a\tb']) {
        const answer = await send(requestOf(route, [[parameter, value]]));
        expect(problemIn(answer)).toMatchObject({ status: 400, fields: [parameter.name] });
      }
    }
  });
});

describe('a body', () => {
  const STATUSES = { INVALID_REQUEST: 400, BODY_TOO_LARGE: 413, UNSUPPORTED_MEDIA_TYPE: 415 } as const;

  it.each(HOSTILE_BODIES.map((hostile) => [hostile.name, hostile] as const))('%s is refused', async (_, hostile) => {
    const { body, headers, code, fields } = hostile;
    for (const route of routes.filter(({ method }) => method !== 'get')) {
      const answer = await send({ ...requestOf(route, []), ...(headers && { headers }), body });
      const problem = problemIn(answer);
      const named = fields && route.template.endsWith('/start') ? { fields } : {};
      expect(problem).toMatchObject({ status: STATUSES[code], code, ...named });
      expect(Buffer.byteLength(JSON.stringify(answer.body))).toBeLessThan(LONGEST_REFUSAL);
    }
  });

  it.each([
    ['digits of another script', '{"partitions":"１"}', ['partitions']],
    ['a truth', '{"partitions":true}', ['partitions']],
    ['white space', '{"partitions":" 1","chunks":"1\\n"}', ['chunks', 'partitions']],
    ['a name of the prototype', '{"constructor":"a","toString":"b"}', ['constructor', 'toString']],
  ])('has parameters of a job that will not do: %s', async (_, jobParameters, fields) => {
    const body = `{"jobParameters":${jobParameters}}`;
    const headers = { 'Content-Type': 'application/json' };
    const answer = await send({ method: 'POST', path: `${ROOT}/noopJob/start`, headers, body });
    expect(problemIn(answer)).toMatchObject({ status: 400, code: 'INVALID_PARAMETERS', fields });
  });

  it.each(['1e400', '9007199254740993', '-0'])('has a number that JSON does not carry exactly: %s', async (number) => {
    const body = `{"jobParameters":{"partitions":${number}}}`;
    const headers = { 'Content-Type': 'application/json' };
    const answer = await send({ method: 'POST', path: `${ROOT}/noopJob/start`, headers, body });
    expect(problemIn(answer)).toMatchObject({ status: 400, code: 'INVALID_REQUEST', fields: ['partitions'] });
  });

  it.each([
    ['half a character', '"\\ud800.ndjson"'],
    ['a NUL', '"a\\u0000.ndjson"'],
    ['a text direction', '"\\u202e.ndjson"'],
    ['an endless glob', JSON.stringify(`${'*?'.repeat(500)}.ndjson`)],
    ['many folders', JSON.stringify(`${'**/'.repeat(300)}x.ndjson`)],
    ['brackets that never close', JSON.stringify('['.repeat(1_000))],
    ['many extended globs', JSON.stringify(`${'+(a|'.repeat(200)}${')'.repeat(200)}.ndjson`)],
    ['many braces', JSON.stringify(`${'{a,b}'.repeat(200)}.ndjson`)],
  ])('has a source that will not do: %s', async (_, source) => {
    const body = `{"jobParameters":{"source":${source}}}`;
    const headers = { 'Content-Type': 'application/json' };
    const answer = await send({ method: 'POST', path: `${ROOT}/bulkImportJob/start`, headers, body });
    expect(problemIn(answer)).toMatchObject({ status: 400, code: 'INVALID_PARAMETERS', fields: ['source'] });
  });
});

/** The beginning of a request, up to where further headers go. */
const started = (line: string) =>
  `${line} HTTP/1.1\r\nHost: a\r\nAuthorization: ${fleet.authorization}\r\nConnection: close\r\n`;

describe('what is hardly a request', () => {
  it.each<[name: string, bytes: () => string, status: number]>([
    ['a greeting of TLS', () => '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 400],
    ['an unknown method', () => `${started('FETCH /')}\r\n`, 400],
    ['an unknown version', () => 'GET / HTTP/9.9\r\n\r\n', 400],
    ['a space in the path', () => `${started('GET /batch-job/a b')}\r\n`, 400],
    ['a path in Latin-1', () => `${started('GET /batch-job/\xbd')}\r\n`, 400],
    ['a NUL in a header', () => `${started(`GET ${ROOT}`)}X-A: \0\r\n\r\n`, 400],
    ['a header without a colon', () => `${started(`GET ${ROOT}`)}nothing\r\n\r\n`, 400],
    ['a negative length', () => `${started(`POST ${ROOT}/1/stop`)}Content-Length: -1\r\n\r\n`, 400],
    ['two lengths', () => `${started(`POST ${ROOT}/1/stop`)}Content-Length: 1\r\nContent-Length: 2\r\n\r\n`, 400],
    [
      'a length and chunks',
      () => `${started(`POST ${ROOT}/1/stop`)}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
      400,
    ],
    ['a chunk of nonsense', () => `${started(`POST ${ROOT}/1/stop`)}Transfer-Encoding: chunked\r\n\r\nzz\r\n\r\n`, 400],
    ['a huge header', () => `${started(`GET ${ROOT}`)}X-A: ${'x'.repeat(100_000)}\r\n\r\n`, 431],
    ['a flood of headers', () => `${started(`GET ${ROOT}`)}${'X-A: x\r\n'.repeat(20_000)}\r\n`, 431],
    ['a flood of cookies', () => `${started(`GET ${ROOT}`)}Cookie: ${'a=b; '.repeat(20_000)}\r\n\r\n`, 431],
  ])('is refused: %s', async (_, bytes, status) => {
    const answer = answerIn(await exchange(fleet.url, Buffer.from(bytes(), 'latin1')));
    expect(problemIn(answer).status).toBe(status);
  });

  it('is refused: chunks without end', async () => {
    const chunk = `10000\r\n${'x'.repeat(0x10000)}\r\n`;
    const head = `${started(`POST ${ROOT}/noopJob/start`)}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n`;
    const answer = answerIn(await exchange(fleet.url, `${head}\r\n${chunk.repeat(10)}`), {
      method: 'POST',
      url: `${fleet.url}${ROOT}/noopJob/start`,
    });
    expect(problemIn(answer)).toMatchObject({ status: 413, code: 'BODY_TOO_LARGE' });
  });

  it.each([
    ['as many headers as fit', 'X: x\r\n'.repeat(2_500)],
    ['a name of the prototype', '__proto__: a\r\nconstructor: b\r\n'],
    ['an upgrade that is not offered', 'Upgrade: websocket\r\nSec-WebSocket-Key: x\r\n'],
    ['a way to another host', 'X-Forwarded-Host: evil\r\nX-Original-URL: /admin\r\nForwarded: for=1\r\n'],
  ])('but is one, with %s', async (_, headers) => {
    const bytes = Buffer.from(`${started(`GET ${ROOT}`)}${headers}\r\n`, 'latin1');
    expect(answerIn(await exchange(fleet.url, bytes)).status).toBe(200);
  });

  it.each([
    ['NULs', basic({ username: '\0', password: '\0' })],
    ['no UTF-8', `Basic ${Buffer.from([0xff, 0x3a, 0xfe]).toString('base64')}`],
    ['a name of the prototype', basic({ username: '__proto__', password: 'a' })],
    ['10,000 characters', `Basic ${'A'.repeat(10_000)}`],
    ['no Base64', 'Basic \xff\xfe'],
    ['several schemes', 'Basic, Bearer, Digest'],
    ['nothing', ''],
  ])('is not authorized by %s', async (_, authorization) => {
    const answer = await send({ method: 'GET', path: ROOT, headers: { Authorization: authorization } });
    expect(problemIn(answer)).toMatchObject({ status: 401, code: 'UNAUTHENTICATED' });
  });
});

describe('after all that', () => {
  it('the gateway is still the same one, and works', async () => {
    expect(fleet.gateway).toBe(gateway);
    expect(gateway.alive).toBe(true);
    expect(await endpoint.run('noopJob', { partitions: 3 })).toMatchObject({
      status: 'COMPLETED',
      recordWriteCount: 3,
    });
  });

  it('has had no fault of its own', () => {
    expect(gateway.lines.filter((line) => line.includes('"Request failed"'))).toEqual([]);
  });

  it.runIf(TELLS_MEMORY)(`has needed at most ${GROWTH_MB} MB more than for ordinary requests`, () => {
    expect(peakMemoryOf(gateway)).toBeLessThan(ordinaryPeak + GROWTH_MB);
  });
});
