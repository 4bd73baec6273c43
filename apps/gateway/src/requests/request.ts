import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { validateSync } from 'class-validator';
import type { FastifyRequest } from 'fastify';
import type { FieldError } from '#domain';
import { ApiBody, ApiParam, ApiQuery } from '@nestjs/swagger';
import { asOpenApi, ref } from '../openapi/answers.js';
import { Problem } from '../problem/problem.js';
import { named, object, type Schema } from '../schema/schema.js';
import { schemasOf } from './checks.js';

type Shape = new () => object;
type Parts = Pick<FastifyRequest, 'params' | 'query' | 'body' | 'headers'>;

/** The shapes of a request's parts; a part that is not named must be empty. */
interface Shapes {
  path: Shape;
  query?: Shape;
  body?: Shape;
  /** What is wrong that a shape cannot express. */
  furtherErrors?: (request: Parts) => FieldError[];
}

/** A request's parts, checked. */
export type CheckedRequest<S extends Shapes> = {
  [Part in keyof S]: S[Part] extends new () => infer T ? T : never;
};

/** Most errors that are reported one by one, and most characters of an unknown name: an answer stays short. */
const MOST_REPORTED = 100;
const LONGEST_NAME = 100;

/** The shape of a part that must be empty. */
const EMPTY: Shape = Object;

/**
 * Fills a new instance with what was given, and says everything that is wrong with it. Only fields that the shape has
 * are ever set, so nothing that is given can reach its prototype or its constructor.
 */
export function checkPart(Shape: Shape, given: unknown): { value: object; errors: FieldError[] } {
  const value = new Shape();
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    return { value, errors: [{ field: 'body', message: 'must be a JSON object' }] };
  }
  const known = Object.keys(value);
  const unknown = Object.keys(given).filter((field) => !known.includes(field));
  Object.assign(value, Object.fromEntries(Object.entries(given).filter(([field]) => known.includes(field))));
  const errors = known.length === 0 ? [] : validateSync(value, { stopAtFirstError: true });
  return {
    value,
    errors: [
      ...unknown.map((field) => ({ field: field.slice(0, LONGEST_NAME), message: 'is not known here' })),
      ...errors.map(({ property, constraints }) => ({
        field: property,
        message: Object.values(constraints ?? {}).join('; '),
      })),
    ],
  };
}

/**
 * Checks all parts of a request.
 *
 * @throws Problem INVALID_REQUEST, naming every bad field of every part, or the first 100 and how many more there are
 */
export function checkRequest<S extends Shapes>(shapes: S, request: Parts): CheckedRequest<S> {
  const path = checkPart(shapes.path, request.params);
  const query = checkPart(shapes.query ?? EMPTY, request.query);
  const body = checkPart(shapes.body ?? EMPTY, request.body === undefined ? {} : request.body);
  const errors = [...path.errors, ...query.errors, ...body.errors, ...(shapes.furtherErrors?.(request) ?? [])];
  if (errors.length > 0) {
    const reported = errors.slice(0, MOST_REPORTED);
    const list = reported.map(({ field, message }) => `${field} ${message}`).join('; ');
    const more = errors.length > reported.length ? `; and ${errors.length - reported.length} more` : '';
    throw new Problem('INVALID_REQUEST', `Request refused: ${list}${more}.`, reported);
  }
  return { path: path.value, query: query.value, body: body.value } as unknown as CheckedRequest<S>;
}

/**
 * Hands a route the checked parts of its request, and documents them:
 * `@Checked(LIST) { path, query }: CheckedRequest<typeof LIST>`.
 */
export const Checked =
  (shapes: Shapes): ParameterDecorator =>
  (controller, method, index) => {
    CheckedParts(shapes)(controller, method, index);
    const descriptor = Object.getOwnPropertyDescriptor(controller, method as string)!;
    for (const document of documentationOf(shapes)) document(controller, method as string, descriptor);
  };

const CheckedParts = createParamDecorator((shapes: Shapes, context: ExecutionContext) =>
  checkRequest(shapes, context.switchToHttp().getRequest<FastifyRequest>()),
);

function documentationOf({ path, query, body }: Shapes): MethodDecorator[] {
  const parameters = query ? Object.entries(schemasOf(query)) : [];
  const defaults = query ? (new query() as Readonly<Record<string, unknown>>) : {};
  return [
    ...Object.entries(schemasOf(path)).map(([name, schema]) => ApiParam({ name, schema: asOpenApi(schema) })),
    ...parameters.map(([name, schema]) =>
      ApiQuery({ name, required: false, schema: asOpenApi(withDefault(schema, defaults[name])) }),
    ),
    ...(body ? [ApiBody({ required: false, schema: ref(named(body.name, object({}, schemasOf(body)))) })] : []),
  ];
}

/** A default is held as the text that a query would give. */
const withDefault = (schema: Schema, value: unknown): Schema =>
  typeof value === 'string' ? { ...schema, default: JSON.parse(value) as unknown } : schema;
