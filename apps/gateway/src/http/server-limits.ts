import type { FastifyHttpOptions } from 'fastify';
import type { Server } from 'node:http';
import { BODY_LIMIT } from './body-parser.js';
import { answerClientError } from './client-errors.js';

/** How long a client has to send a request's headers, from its connection on, and the whole request, in ms. */
const HEADERS_TIMEOUT = 5_000;
const REQUEST_TIMEOUT = 10_000;

/** How often late clients are looked for, in ms. */
const LATE_CHECK_INTERVAL = 1_000;

/** Most bytes of a request's line and headers. */
const HEADERS_LIMIT = 16 * 1_024;

/** Longest part of a path, in characters. */
const PATH_PART_LIMIT = 256;

/** What a client may ask of the server before anything of ours has looked at its request. */
export const SERVER_LIMITS = {
  bodyLimit: BODY_LIMIT,
  requestTimeout: REQUEST_TIMEOUT,
  http: {
    headersTimeout: HEADERS_TIMEOUT,
    requestTimeout: REQUEST_TIMEOUT,
    connectionsCheckingInterval: LATE_CHECK_INTERVAL,
    maxHeaderSize: HEADERS_LIMIT,
    // Node would answer without a body; see node-answers.ts.
    requireHostHeader: false,
  },
  routerOptions: { maxParamLength: PATH_PART_LIMIT },
  clientErrorHandler: answerClientError,
} as const satisfies FastifyHttpOptions<Server>;
