import type { Response } from 'supertest';
import { expect } from 'vitest';

/** What an answer says is wrong. */
export interface ToldProblem {
  status: number;
  code: string;
  detail: string;
  /** The operation that was refused, if it was one. */
  operation: string | undefined;
  /** The bad fields, sorted. */
  fields: string[];
}

/**
 * Reads a problem, and holds its form against RFC 9457 and the contract: every field, in order, and nothing else.
 */
export function problemIn({ body, headers, status, request }: Response): ToldProblem {
  expect(headers['content-type']).toBe('application/problem+json; charset=utf-8');
  const { code, detail, operation, errors } = body as Omit<ToldProblem, 'status'> & { errors?: FieldError[] };
  const words = String(code).toLowerCase().split('_');
  const title = words.join(' ');
  expect(Object.entries(body as object)).toEqual([
    ['type', `urn:longshore:problem:${words.join('-')}`],
    ['title', title.charAt(0).toUpperCase() + title.slice(1)],
    ['status', status],
    ['detail', expect.stringMatching(/\S/)],
    ['instance', new URL(request.url).pathname],
    ['code', code],
    ...(errors ? [['errors', errors]] : []),
    ...(operation ? refusalOf(operation, detail) : []),
  ]);
  for (const { field, message } of errors ?? []) expect(detail).toContain(`${field} ${message}`);
  return { status, code, detail, operation, fields: (errors ?? []).map(({ field }) => field).toSorted() };
}

interface FieldError {
  field: string;
  message: string;
}

/** The contract's own fields of a refused operation. */
const refusalOf = (operation: string, detail: string) => [
  ['operation', operation],
  ['success', false],
  ['message', detail],
];
