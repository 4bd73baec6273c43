import type { FastifyInstance } from 'fastify';
import { isUtf8 } from 'node:buffer';

/** Largest request body, in bytes. */
export const BODY_LIMIT = 256 * 1_024;

/**
 * Takes JSON bodies only, in UTF-8 (RFC 8259) and not compressed. An empty body is none, whatever type it claims:
 * clients send such with a plain POST.
 */
export function parseJsonOnly(fastify: FastifyInstance): void {
  const parseJson = fastify.getDefaultJsonParser('error', 'error');
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser<Buffer>('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    const encoding = request.headers['content-encoding'] ?? 'identity';
    if (body.length === 0) done(null, undefined);
    else if (encoding !== 'identity') done(unsupported(`encoded as ${encoding}`), undefined);
    else if (!isUtf8(body)) done(refused(400, 'The body is not valid UTF-8.'), undefined);
    else parseJson(request, body.toString(), done);
  });
  fastify.addContentTypeParser<Buffer>('*', { parseAs: 'buffer' }, (request, body, done) => {
    if (body.length === 0) done(null, undefined);
    else done(unsupported(request.headers['content-type'] ?? 'without a type'), undefined);
  });
}

const refused = (statusCode: number, message: string): Error => Object.assign(new Error(message), { statusCode });

const unsupported = (what: string): Error => refused(415, `The body must be application/json, not ${what}.`);
