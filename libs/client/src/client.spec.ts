import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, it } from 'vitest';
import { basic, BatchJobClient } from './client.js';
import { NoAnswerError, ProblemError } from './errors.js';

let server: Server | undefined;
let requests: {
  method: string | undefined;
  url: string | undefined;
  headers: IncomingMessage['headers'];
  body: string;
}[];
/** Connections that were opened. */
let connections: number;

afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

/** A client of a gateway that answers every request in the same way. */
async function clientOf(answer: (reply: ServerResponse) => void, timeoutMs?: number): Promise<BatchJobClient> {
  requests = [];
  connections = 0;
  server = createServer(async (request, reply) => {
    const { method, url, headers } = request;
    requests.push({ method, url, headers, body: await text(request) });
    answer(reply);
  });
  server.on('connection', () => (connections += 1));
  await new Promise<void>((resolve) => server!.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  return new BatchJobClient({
    url,
    moduleId: 'persistence',
    authorization: basic({ username: 'ada', password: 'l:é' }),
    timeoutMs,
  });
}

const json =
  (body: unknown, status = 200) =>
  (reply: ServerResponse) =>
    void reply.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));

const asked = () => requests.map(({ method, url, body }) => [method, url, body]);

describe('a request', () => {
  it('has the path, the query and the body that the endpoint expects', async () => {
    const client = await clientOf(json({ message: 'New execution ID is: 8', jobs: [], jobInstances: [], entries: [] }));
    await client.start('noopJob', { partitions: 3 });
    await client.stop(7);
    await client.forceStop(7);
    await expect(client.restart(7)).resolves.toBe(8);
    await client.abandon(7);
    await client.delete('noopJob', 7);
    await client.jobs();
    await client.list('noopJob', { count: 5, status: 'FAILED,STOPPED', executionUUID: undefined });
    await client.view('noopJob', 7, { stepCount: 1 });
    await client.audit({ before: '1-0' });
    const root = '/batch-job/persistence';
    expect(asked()).toEqual([
      ['POST', `${root}/noopJob/start`, '{"jobParameters":{"partitions":3}}'],
      ['POST', `${root}/7/stop`, ''],
      ['POST', `${root}/7/stop?force=true`, ''],
      ['POST', `${root}/7/restart`, ''],
      ['POST', `${root}/7/abandon`, ''],
      ['DELETE', `${root}/noopJob/7`, ''],
      ['GET', root, ''],
      ['GET', `${root}/noopJob?count=5&status=FAILED%2CSTOPPED`, ''],
      ['GET', `${root}/noopJob/7?stepCount=1`, ''],
      ['GET', `${root}/audit?before=1-0`, ''],
    ]);
    // undici may open a second one while it is still reading an answer.
    expect(connections).toBeLessThanOrEqual(2);
  });

  it('carries the credentials as UTF-8, and the idempotency key where one is given', async () => {
    const client = await clientOf(json({}));
    await client.start('noopJob', {}, 'key-1');
    await client.start('noopJob');
    const [first, second] = requests;
    expect(Buffer.from(first!.headers.authorization!.slice('Basic '.length), 'base64').toString()).toBe('ada:l:é');
    expect([first, second].map((request) => request!.headers['idempotency-key'])).toEqual(['key-1', undefined]);
  });
});

describe('an error', () => {
  it("is the gateway's problem, with its code", async () => {
    const problem = { title: 'Unknown job', status: 404, code: 'UNKNOWN_JOB', detail: 'There is no job x.' };
    const client = await clientOf(json(problem, 404));
    const error = await client.view('x', 1).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ProblemError);
    expect(error).toMatchObject({ status: 404, code: 'UNKNOWN_JOB', detail: 'There is no job x.', problem });
    expect((error as Error).message).toBe('The gateway answered 404 UNKNOWN_JOB: There is no job x.');
  });

  it.each([
    ['an error page of a proxy', 502],
    ['a page where JSON should be', 200],
  ])('is a problem without a code for %s', async (page, status) => {
    const client = await clientOf((reply) => void reply.writeHead(status).end(page));
    await expect(client.jobs()).rejects.toMatchObject({ status, code: '', detail: page });
  });

  it('says that nothing is known where the connection ends without an answer', async () => {
    const client = await clientOf((reply) => reply.socket!.destroy());
    await expect(client.stop(1)).rejects.toBeInstanceOf(NoAnswerError);
  });

  it.each([
    ['no answer', () => undefined],
    ['half an answer', (reply: ServerResponse) => void reply.writeHead(200).write('{"jobs":')],
  ])('says that nothing is known where %s comes in time', async (_, answer) => {
    const client = await clientOf(answer, 50);
    await expect(client.jobs()).rejects.toThrow(/^No answer from .*timeout/);
  });
});

describe('waiting for the end', () => {
  it('looks until the execution is no longer running', async () => {
    let looks = 0;
    const client = await clientOf((reply) => json({ id: 7, running: (looks += 1) < 3 })(reply));
    await expect(client.ended('noopJob', 7, { everyMs: 1 })).resolves.toEqual({ id: 7, running: false });
    expect(looks).toBe(3);
  });

  it('fails with the last view once the time has passed', async () => {
    const client = await clientOf(json({ running: true }));
    await expect(client.ended('noopJob', 7, { withinMs: 10, everyMs: 1 })).rejects.toThrow(
      'Not in 10 ms: the end of execution 7. Last: {"running":true}',
    );
  });
});
