import { constant, described, list, named, object, oneOf, text, wholeNumber, type ValueOf } from '../schema/schema.js';
import { OPERATIONS, type Operation } from './operation.js';
import { STATUS_OF, type Problem, type ProblemCode } from './problem.js';

/** An RFC 9457 problem; `operation`, `success` and `message` are the contract's, for refused operations. */
export const PROBLEM = named(
  'Problem',
  object(
    {
      type: { type: 'string', format: 'uri' },
      title: text,
      status: wholeNumber(400, 599),
      detail: described(text, 'What is wrong, and what to do instead'),
      instance: described(text, 'Path of the request'),
      code: described(oneOf(Object.keys(STATUS_OF) as ProblemCode[]), 'Stable: programs may branch on it'),
    },
    {
      errors: list(object({ field: text, message: text })),
      requestId: described(text, 'Where the log tells more (500 only)'),
      operation: oneOf(OPERATIONS),
      success: constant(false),
      message: text,
    },
  ),
);

/** `instance` is missing only where there was no whole request, so from no documented answer. */
export type ProblemJson = Omit<ValueOf<typeof PROBLEM>, 'instance'> & { instance: string | undefined };

/** The request that a problem answers. */
export interface ProblemPlace {
  /** The request's path, without its query; undefined where there was no whole request. */
  path: string | undefined;
  /** The operation that was refused, if it was one. */
  operation: Operation | undefined;
  requestId: string;
}

export function problemJson(
  { code, message, fields }: Problem,
  { path, operation, requestId }: ProblemPlace,
): ProblemJson {
  const words = code.toLowerCase().replaceAll('_', ' ');
  return {
    type: `urn:longshore:problem:${words.replaceAll(' ', '-')}`,
    title: words.charAt(0).toUpperCase() + words.slice(1),
    status: STATUS_OF[code],
    detail: message,
    instance: path,
    code,
    errors: fields.length > 0 ? [...fields] : undefined,
    requestId: code === 'INTERNAL_ERROR' ? requestId : undefined,
    operation,
    success: operation && false,
    message: operation && message,
  };
}
