import type { FastifyInstance } from 'fastify';

/** Largest request body, in bytes. */
export const BODY_LIMIT = 256 * 1_024;

/** Takes JSON bodies only. An empty body is none, whatever type it claims: clients send such with a plain POST. */
export function parseJsonOnly(fastify: FastifyInstance): void {
  const parseJson = fastify.getDefaultJsonParser('error', 'error');
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (body.length === 0) done(null, undefined);
    else parseJson(request, body as string, done);
  });
  fastify.addContentTypeParser('*', { parseAs: 'string' }, (request, body, done) => {
    if (body.length === 0) done(null, undefined);
    else done(unsupported(request.headers['content-type']), undefined);
  });
}

const unsupported = (type: string | undefined): Error =>
  Object.assign(new Error(`The body must be application/json, not ${type ?? 'without a type'}.`), { statusCode: 415 });
