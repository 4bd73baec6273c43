import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ROOT } from '../support/endpoint.js';
import { Fleet } from '../support/fleet.js';
import { answerIn } from '../support/hostile/wire.js';
import { until } from '../support/until.js';

const DEADLINE_MS = 3_000;
/** Far less than any of the time-outs of a connection that is not being closed. */
const SOON_MS = DEADLINE_MS + 4_000;

let fleet: Fleet;

beforeEach(async () => {
  fleet = await Fleet.start({ workers: 0, gatewayEnv: { SHUTDOWN_DEADLINE_MS: String(DEADLINE_MS) } });
});

afterEach(() => fleet?.stop());

interface Connection {
  socket: Socket;
  heard: () => Buffer;
  closed: Promise<unknown>;
}

async function open(bytes: string): Promise<Connection> {
  const socket = connect(fleet.port, '127.0.0.1');
  const received: Buffer[] = [];
  socket.on('data', (data) => received.push(data));
  // A connection that is cut is reset.
  socket.on('error', () => undefined);
  const closed = once(socket, 'close');
  await once(socket, 'connect');
  if (bytes) socket.write(bytes);
  return { socket, heard: () => Buffer.concat(received), closed };
}

const START = (length: number) =>
  `POST ${ROOT}/noopJob/start HTTP/1.1\r\nHost: x\r\nAuthorization: ${fleet.authorization}\r\n` +
  `Content-Type: application/json\r\nContent-Length: ${length}\r\n\r\n`;

/** Sends SIGTERM; resolves once the gateway accepts nothing more. */
async function leave(): Promise<void> {
  fleet.gateway.kill('SIGTERM');
  await until(
    'the end of listening',
    () =>
      new Promise<boolean>((resolve) => {
        const probe = connect(fleet.port, '127.0.0.1');
        probe.once('connect', () => resolve(true)).once('error', () => resolve(false));
        probe.once('connect', () => probe.destroy());
      }),
    (listens) => !listens,
  );
}

/** What was last answered on a connection, once there is so much of it. */
const answered = (connection: Connection, what: RegExp) =>
  until(
    `an answer like ${what}`,
    async () => connection.heard().toString(),
    (text) => what.test(text),
  );

describe('a gateway that is told to leave', () => {
  it('does not wait for clients that have sent nothing, one byte of a request, or one of a body', async () => {
    const silent = await Promise.all([open(''), open('G'), open(`${START(100)}{`)]);
    // The gateway has met them all once it answers one that came later.
    const last = await open('GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n');
    await answered(last, /"ok"/);
    const begin = Date.now();
    fleet.gateway.kill('SIGTERM');
    await expect(fleet.gateway.exited).resolves.toBe('exit code 0');
    expect(Date.now() - begin).toBeLessThan(SOON_MS);
    await Promise.all([...silent, last].map(({ closed }) => closed));
    expect(fleet.gateway.lines.some((line) => line.includes('Shutdown deadline'))).toBe(true);
  });

  it('ends idle connections at once, and answers the requests that had begun', async () => {
    const idle = await open('GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n');
    await answered(idle, /"ok"/);
    const begun = await open(`${START(2)}{`);
    const ready = await open('GET /health/ready HTTP/1.1\r\nHost: x\r\n');
    const other = await open('GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n');
    await answered(other, /"ok"/);
    await leave();
    await idle.closed;
    begun.socket.write('}');
    ready.socket.write('\r\n');
    await Promise.all([begun.closed, ready.closed]);
    expect(answerIn(begun.heard())).toMatchObject({ status: 202, headers: { connection: 'close' } });
    expect(answerIn(ready.heard())).toMatchObject({ status: 503, body: { status: 'unavailable' } });
    await expect(fleet.gateway.exited).resolves.toBe('exit code 0');
    expect(fleet.gateway.lines.some((line) => line.includes('Shutdown deadline'))).toBe(false);
  });
});
