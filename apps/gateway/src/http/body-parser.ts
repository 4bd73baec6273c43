import type { FastifyInstance, FastifyRequest } from 'fastify';
import { isUtf8 } from 'node:buffer';
import type { Settings } from '#platform';
import { isCrossSite } from '../auth/cross-site.js';

/** Largest request body, in bytes. */
export const BODY_LIMIT = 256 * 1_024;

/**
 * Takes JSON bodies only, in UTF-8 (RFC 8259) and not compressed. An empty body counts as missing, whatever its type:
 * clients send such with a plain POST. That of a cross-site request is not looked at: the guard refuses it, whatever it holds.
 */
export function parseJsonOnly(fastify: FastifyInstance, { ALLOWED_ORIGINS }: Settings): void {
  const isIgnored = (request: FastifyRequest, body: Buffer): boolean =>
    body.length === 0 || isCrossSite(request, ALLOWED_ORIGINS);
  const parseJson = fastify.getDefaultJsonParser('error', 'error');
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser<Buffer>('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    const encoding = request.headers['content-encoding'] ?? 'identity';
    if (isIgnored(request, body)) done(null, undefined);
    else if (encoding !== 'identity') done(unsupported(`encoded as ${encoding}`), undefined);
    else if (!isUtf8(body)) done(refused(400, 'The body is not valid UTF-8.'), undefined);
    else parseJson(request, body.toString(), done);
  });
  fastify.addContentTypeParser<Buffer>('*', { parseAs: 'buffer' }, (request, body, done) => {
    if (isIgnored(request, body)) done(null, undefined);
    else done(unsupported(request.headers['content-type'] ?? 'without a type'), undefined);
  });
}

const refused = (statusCode: number, message: string): Error => Object.assign(new Error(message), { statusCode });

const unsupported = (what: string): Error => refused(415, `The body must be application/json, not ${what}.`);
