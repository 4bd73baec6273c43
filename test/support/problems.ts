import { expect } from 'vitest';

/** What is looked at of an answer, however it came. */
export interface Answer {
  status: number;
  headers: Record<string, string>;
  body: unknown;
  request: { url: string };
}

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
 * Reads a problem, and holds its form against RFC 9457 and the contract: every field, in order, and nothing else. One
 * that answers what never became a request has no `instance`.
 */
export function problemIn({ body, headers, status, request }: Answer): ToldProblem {
  expect(headers['content-type']).toBe('application/problem+json; charset=utf-8');
  const { code, detail, operation, errors, instance } = body as TellingProblem;
  const words = String(code).toLowerCase().split('_');
  const title = words.join(' ');
  expect(Object.entries(body as object)).toEqual([
    ['type', `urn:longshore:problem:${words.join('-')}`],
    ['title', title.charAt(0).toUpperCase() + title.slice(1)],
    ['status', status],
    ['detail', expect.stringMatching(/\S/)],
    ...(instance === undefined ? [] : [['instance', pathIn(request.url)]]),
    ['code', code],
    ...(errors ? [['errors', errors]] : []),
    ...(operation ? refusalOf(operation, detail) : []),
  ]);
  for (const { field, message } of errors ?? []) expect(detail).toContain(`${field} ${message}`);
  return { status, code, detail, operation, fields: (errors ?? []).map(({ field }) => field).toSorted() };
}

/** The path of a URL as it was sent: the class URL would mend it. */
const pathIn = (url: string): string => /^\w+:\/\/[^/]+([^?]*)/.exec(url)?.[1] ?? '';

type TellingProblem = Omit<ToldProblem, 'status'> & { errors?: FieldError[]; instance?: string };

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
