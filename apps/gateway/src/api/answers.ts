import { applyDecorators } from '@nestjs/common';
import { ApiOperation, ApiParam, ApiQuery, ApiResponse, type ApiResponseSchemaHost } from '@nestjs/swagger';
import { PARAMETERS, type ParameterName, type Schema, type SchemaName } from './schemas.js';

/** The library's own type knows OpenAPI 3.0 only; ours are JSON Schemas, as 3.1 has them. */
type OpenApiSchema = ApiResponseSchemaHost['schema'];
const asOpenApi = (schema: Schema): OpenApiSchema => schema as OpenApiSchema;

/** Refers to one of the {@link SCHEMAS}. */
export const ref = (name: SchemaName): OpenApiSchema => asOpenApi({ $ref: `#/components/schemas/${name}` });

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
  503: 'Redis or the database is away; or a command was carried out, but is not known to be on disk',
};

/** What any guarded route may answer. */
const READING = [400, 401, 403, 404, 429, 500, 503];
const OPERATION = [...READING, 409, 413, 415];

const problem = (status: number): MethodDecorator =>
  ApiResponse({
    status,
    description: PROBLEMS[status] ?? '',
    content: { 'application/problem+json': { schema: ref('Problem') } },
  });

const answer = (status: number, schema: SchemaName, description: string, location = false): MethodDecorator =>
  ApiResponse({
    status,
    description,
    content: { 'application/json': { schema: ref(schema) } },
    ...(location && { headers: { Location: { schema: { type: 'string' }, description: 'The new execution' } } }),
  });

/** Documents what a reading route answers: its own shape, and problems. */
export const Answers = (status: number, schema: SchemaName, summary: string): MethodDecorator =>
  applyDecorators(ApiOperation({ summary }), answer(status, schema, summary), ...READING.map(problem));

/** Documents what an operation answers; `location`: where its new execution is; `idempotent`: it takes a key. */
export const AnswersOperation = (
  status: number,
  schema: SchemaName,
  summary: string,
  { location = false, idempotent = false }: { location?: boolean; idempotent?: boolean } = {},
): MethodDecorator =>
  applyDecorators(
    ApiOperation({ summary }),
    answer(status, schema, summary, location),
    ...[...OPERATION, ...(idempotent ? [422] : [])].map(problem),
  );

/** Documents a public route without problems of its own. */
export const AnswersAnybody = (answers: Readonly<Record<number, SchemaName>>, summary: string): MethodDecorator =>
  applyDecorators(
    ApiOperation({ summary, security: [] }),
    ...Object.entries(answers).map(([status, schema]) => answer(Number(status), schema, summary)),
  );

export const PathParameters = (...names: ParameterName[]): MethodDecorator =>
  applyDecorators(...names.map((name) => ApiParam({ name, schema: asOpenApi(PARAMETERS[name]) })));

export const QueryParameters = (...names: ParameterName[]): MethodDecorator =>
  applyDecorators(...names.map((name) => ApiQuery({ name, required: false, schema: asOpenApi(PARAMETERS[name]) })));
