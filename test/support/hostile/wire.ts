import { connect } from 'node:net';

/** An answer as it came over the wire. */
export interface WireAnswer {
  status: number;
  /** Names in lower case. */
  headers: Record<string, string>;
  /** The value of a JSON body; else its text. */
  body: unknown;
  /** What was asked, for those who judge the answer. */
  request: { method: string; url: string };
}

/** A request as it goes over the wire: nothing is encoded, added or mended. */
export interface WireRequest {
  method: string;
  /** Path and query, byte by byte. */
  path: string;
  headers?: Record<string, string>;
  body?: string | Buffer;
}

/** How long an answer may take, in ms; longer is a hang. */
const PATIENCE_MS = 15_000;

/** Sends bytes on a connection of their own. @returns what came back until the server hung up */
export function exchange(url: string, bytes: string | Buffer): Promise<Buffer> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname);
    const received: Buffer[] = [];
    const deadline = setTimeout(() => {
      socket.destroy();
      reject(
        new Error(`No end of the answer in ${PATIENCE_MS} ms to ${Buffer.from(bytes).toString('latin1', 0, 200)}`),
      );
    }, PATIENCE_MS);
    socket.on('data', (data) => received.push(data));
    // A server that hangs up on whoever still sends resets the connection; what it said before counts.
    socket.on('error', () => undefined);
    socket.on('close', () => {
      clearTimeout(deadline);
      resolve(Buffer.concat(received));
    });
    socket.write(bytes);
  });
}

/** Sends a request on a connection of its own. @throws Error if no whole answer comes */
export async function ask(url: string, { method, path, headers = {}, body }: WireRequest): Promise<WireAnswer> {
  const length = body === undefined ? {} : { 'Content-Length': String(Buffer.byteLength(body)) };
  const all = { Host: new URL(url).host, Connection: 'close', ...length, ...headers };
  const head = [`${method} ${path} HTTP/1.1`, ...Object.entries(all).map(([name, value]) => `${name}: ${value}`)];
  const bytes = Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`, 'latin1'), Buffer.from(body ?? '')]);
  return answerIn(await exchange(url, bytes), { method, url: url + path });
}

/** Reads an answer. @throws Error if it is none */
export function answerIn(bytes: Buffer, request = { method: '', url: '' }): WireAnswer {
  const text = bytes.toString();
  const [head = '', ...rest] = text.split('\r\n\r\n');
  const [first, ...lines] = head.split('\r\n');
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(first ?? '')?.[1]);
  if (!status)
    throw new Error(`${request.method} ${request.url.slice(0, 200)}: no answer, but "${text.slice(0, 200)}"`);
  const headers = Object.fromEntries(lines.map((line) => headerIn(line)));
  const body = rest.join('\r\n\r\n');
  return { status, headers, body: headers['content-type']?.includes('json') ? JSON.parse(body) : body, request };
}

function headerIn(line: string): [name: string, value: string] {
  const colon = line.indexOf(':');
  return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
}
