import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { validateSync } from 'class-validator';
import type { FastifyRequest } from 'fastify';
import type { FieldError } from '#domain';
import { Problem } from '../problem.js';

type Dto = new () => object;
type Parts = Pick<FastifyRequest, 'params' | 'query' | 'body' | 'headers'>;

/** The shapes of a request's parts; a part that is not named must be empty. */
interface Shapes {
  path: Dto;
  query?: Dto;
  body?: Dto;
  /** What a shape cannot say. */
  further?: (request: Parts) => FieldError[];
}

/** A request's parts, checked. */
export type Asked<S extends Shapes> = {
  [Part in keyof S]: S[Part] extends new () => infer T ? T : never;
};

/** Most faults that are told one by one, and most characters of a name that is not known: an answer stays short. */
const MOST_TOLD = 100;
const LONGEST_NAME = 100;

/** The shape of a part that takes nothing. */
const Nothing: Dto = Object;

/**
 * Fills a new DTO with what was given, and says everything that is wrong with it. Only fields that the DTO has are
 * ever set, so nothing that is given can reach its prototype or its constructor.
 */
export function checkPart(Shape: Dto, given: unknown): { value: object; errors: FieldError[] } {
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
export function checkRequest<S extends Shapes>(shapes: S, request: Parts): Asked<S> {
  const path = checkPart(shapes.path, request.params);
  const query = checkPart(shapes.query ?? Nothing, request.query);
  const body = checkPart(shapes.body ?? Nothing, request.body === undefined ? {} : request.body);
  const errors = [...path.errors, ...query.errors, ...body.errors, ...(shapes.further?.(request) ?? [])];
  if (errors.length > 0) {
    const told = errors.slice(0, MOST_TOLD);
    const list = told.map(({ field, message }) => `${field} ${message}`).join('; ');
    const more = errors.length > told.length ? `; and ${errors.length - told.length} more` : '';
    throw new Problem('INVALID_REQUEST', `Request refused: ${list}${more}.`, told);
  }
  return { path: path.value, query: query.value, body: body.value } as unknown as Asked<S>;
}

/** Hands a route the checked parts of its request, e.g. `@Ask(LIST) { path, query }: Asked<typeof LIST>`. */
export const Ask = createParamDecorator((shapes: Shapes, context: ExecutionContext) =>
  checkRequest(shapes, context.switchToHttp().getRequest<FastifyRequest>()),
);
