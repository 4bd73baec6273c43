import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { validateSync } from 'class-validator';
import type { FastifyRequest } from 'fastify';
import type { FieldError } from '#domain';
import { Problem } from '../problem.js';

type Dto = new () => object;

/** The shapes of a request's parts; a part that is not named must be empty. */
interface Shapes {
  path: Dto;
  query?: Dto;
  body?: Dto;
}

/** A request's parts, checked. */
export type Asked<S extends Shapes> = { [Part in keyof S]: S[Part] extends new () => infer T ? T : never };

interface Checked {
  value: object;
  errors: FieldError[];
}

/** The shape of a part that takes nothing. */
const Nothing: Dto = Object;

/** Fills a new DTO with what was given, and says everything that is wrong with it. */
export function checkPart(Shape: Dto, given: unknown): Checked {
  const value = new Shape();
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    return { value, errors: [{ field: 'body', message: 'must be a JSON object' }] };
  }
  // Only fields that the DTO has are ever set, so nothing given can reach its prototype or its constructor.
  const known = Object.keys(value);
  const unknown = Object.keys(given).filter((field) => !known.includes(field));
  const entries = Object.entries(given).filter(([field, v]) => known.includes(field) && v !== undefined);
  Object.assign(value, Object.fromEntries(entries));
  const errors = validateSync(value, { stopAtFirstError: true, forbidUnknownValues: false });
  return {
    value,
    errors: [
      ...unknown.map((field) => ({ field, message: 'is not known here' })),
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
 * @throws Problem INVALID_REQUEST, naming every bad field of every part
 */
export function checkRequest<S extends Shapes>(
  shapes: S,
  request: Pick<FastifyRequest, 'params' | 'query' | 'body'>,
): Asked<S> {
  const path = checkPart(shapes.path, request.params);
  const query = checkPart(shapes.query ?? Nothing, request.query);
  const body = checkPart(shapes.body ?? Nothing, request.body ?? {});
  refuse([...path.errors, ...query.errors, ...body.errors]);
  return { path: path.value, query: query.value, body: body.value } as unknown as Asked<S>;
}

/** @throws Problem INVALID_REQUEST if there are errors */
export function refuse(errors: readonly FieldError[]): void {
  if (errors.length === 0) return;
  const list = errors.map(({ field, message }) => `${field} ${message}`).join('; ');
  throw new Problem('INVALID_REQUEST', `Request refused: ${list}.`, errors);
}

/** Hands a route the checked parts of its request, e.g. `@Ask({ path: JobPath }) { path }: Asked<…>`. */
export const Ask = createParamDecorator((shapes: Shapes, context: ExecutionContext) =>
  checkRequest(shapes, context.switchToHttp().getRequest<FastifyRequest>()),
);
