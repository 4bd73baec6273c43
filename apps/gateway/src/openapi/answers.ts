import { applyDecorators } from '@nestjs/common';
import { ApiOperation, ApiResponse, type ApiResponseSchemaHost } from '@nestjs/swagger';
import { PROBLEM } from '../problem/problem-json.js';
import type { NamedSchema, Schema } from '../schema/schema.js';

/** The library's own type knows OpenAPI 3.0 only; ours are JSON Schemas, as 3.1 has them. */
type OpenApiSchema = ApiResponseSchemaHost['schema'];
export const asOpenApi = (schema: Schema): OpenApiSchema => schema as OpenApiSchema;

/** The schemas that routes refer to, by name; filled while the routes are declared. */
const components = new Map<string, Schema>();

export const componentSchemas = (): Readonly<Record<string, Schema>> => Object.fromEntries(components);

/** Refers to a schema, which then is part of the document. @throws Error if two schemas have one name */
export function ref({ name, schema }: NamedSchema): OpenApiSchema {
  const known = components.get(name);
  if (known && JSON.stringify(known) !== JSON.stringify(schema)) throw new Error(`Two schemas are named ${name}.`);
  components.set(name, schema);
  return asOpenApi({ $ref: `#/components/schemas/${name}` });
}

/** Why a request may be answered with a problem, by status. */
const PROBLEMS: Readonly<Record<number, string>> = {
  400: 'A field of the request is bad; all bad ones are named',
  401: 'Not logged in',
  403: 'A permission is missing; it is named',
  404: 'The module, job or execution is unknown',
  409: 'The state does not allow it; the answer says what to do instead',
  413: 'The body is too large',
  415: 'The body is not JSON',
  422: 'The idempotency key was used for another start',
  429: 'Too many failed logins',
  500: 'A fault of the gateway',
  503: 'Redis or the database is unavailable; or a command was carried out, but is not known to be on disk',
};

/** What any guarded route may answer. */
const READING = [400, 401, 403, 404, 429, 500, 503];
const OPERATION = [...READING, 409, 413, 415];

const problem = (status: number): MethodDecorator =>
  ApiResponse({
    status,
    description: PROBLEMS[status] ?? '',
    content: { 'application/problem+json': { schema: ref(PROBLEM) } },
  });

const answer = (status: number, schema: NamedSchema, description: string, location = false): MethodDecorator =>
  ApiResponse({
    status,
    description,
    content: { 'application/json': { schema: ref(schema) } },
    ...(location && { headers: { Location: { schema: { type: 'string' }, description: 'The new execution' } } }),
  });

/** Documents what a reading route answers: its own shape, and problems. */
export const Answers = (status: number, schema: NamedSchema, summary: string): MethodDecorator =>
  applyDecorators(ApiOperation({ summary }), answer(status, schema, summary), ...READING.map(problem));

/** Documents what an operation answers; `location`: where its new execution is; `idempotent`: it takes a key. */
export const AnswersOperation = (
  status: number,
  schema: NamedSchema,
  summary: string,
  { location = false, idempotent = false }: { location?: boolean; idempotent?: boolean } = {},
): MethodDecorator =>
  applyDecorators(
    ApiOperation({ summary }),
    answer(status, schema, summary, location),
    ...[...OPERATION, ...(idempotent ? [422] : [])].map(problem),
  );

/** Documents a public route without problems of its own. */
export const AnswersAnybody = (answers: Readonly<Record<number, NamedSchema>>, summary: string): MethodDecorator =>
  applyDecorators(
    ApiOperation({ summary, security: [] }),
    ...Object.entries(answers).map(([status, schema]) => answer(Number(status), schema, summary)),
  );
