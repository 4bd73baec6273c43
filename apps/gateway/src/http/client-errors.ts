import type { ConnectionError } from 'fastify';
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { problemJson } from '../problem/problem-json.js';
import { Problem } from '../problem/problem.js';
import { BARE_HEADERS } from './security-headers.js';

/** What Node refuses before it is a request, by Node's own codes. */
const PROBLEMS: Readonly<Record<string, Problem>> = {
  ERR_HTTP_REQUEST_TIMEOUT: new Problem('REQUEST_TIMEOUT', 'The request took too long to arrive. Send it again.'),
  HPE_HEADER_OVERFLOW: new Problem('HEADERS_TOO_LARGE', 'The path and the headers are too long together. Send less.'),
};

const MALFORMED = new Problem('INVALID_REQUEST', 'This is not an HTTP request.');

/** Answers what is not a whole HTTP request with a problem (without `instance`: the path is not known), and closes the connection. */
export function answerClientError(error: ConnectionError, socket: Socket): void {
  if (error.code !== 'ECONNRESET' && socket.writable) socket.write(answerTo(PROBLEMS[error.code] ?? MALFORMED));
  socket.destroy();
}

function answerTo(problem: Problem): string {
  const body = problemJson(problem, { path: undefined, operation: undefined, requestId: '' });
  const text = JSON.stringify(body);
  return [
    `HTTP/1.1 ${body.status} ${STATUS_CODES[body.status]}`,
    'Content-Type: application/problem+json; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(text)}`,
    ...Object.entries(BARE_HEADERS).map(([name, value]) => `${name}: ${value}`),
    'Connection: close',
    '',
    text,
  ].join('\r\n');
}
