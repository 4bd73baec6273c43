import type { DocumentedParameter, ParameterSchema } from '../api-document.js';

/** Values of a path or a query, as they stand in a URL: each is wrong for some parameter, or for all. */
const BY_KIND = {
  encoding: ['', '%20', '%00', 'a%00', '%0d%0a', '%ff', '%c0%ae', '%ed%a0%80', '%', '%zz', '%u0031', '%25ff'],
  sign: ['-1', '-0', '%2B1', '-1-1', '1-', '0-0', '00-0'],
  form: ['01', '1.0', '1.5', '1e3', '0x10', '1_000', '1,2', '1%20', '%EF%BC%91', '%D9%A1', 'NaN', 'Infinity'],
  size: ['9007199254740991', '9007199254740992', '9007199254740993', '18446744073709551616', '9'.repeat(400)],
  type: ['null', 'undefined', 'true', 'TRUE', 'yes', '[]', '%7B%7D', '[object%20Object]', 'started', 'STARTED,,FAILED'],
  prototype: ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty'],
  path: ['%2e%2e', '..%2f..%2fetc%2fpasswd', '*', '%F0%9F%9A%A2'],
  uuid: ['7cafdc19-3cab-4b49-9b7d-4f2f6f4f9d5', '{7cafdc19-3cab-4b49-9b7d-4f2f6f4f9d5b}'],
  length: ['x'.repeat(255), 'x'.repeat(300), 'x'.repeat(100_000)],
};

export const HOSTILE_VALUES: readonly string[] = Object.values(BY_KIND).flat();

/** Names that no query knows, as they stand in a URL. */
export const HOSTILE_NAMES: readonly string[] = [
  '__proto__',
  'constructor',
  'count[]',
  'count[0]',
  'count.x',
  'Count',
  '%00',
  '%ff',
  '%F0%9F%9A%A2',
  'x'.repeat(5_000),
];

/** A text as a server reads it; undefined where it cannot be read. */
export function decoded(raw: string, place: DocumentedParameter['in']): string | undefined {
  try {
    return decodeURIComponent(place === 'query' ? raw.replaceAll('+', ' ') : raw);
  } catch {
    return undefined;
  }
}

/** Whether a parameter may have these texts as its values. */
export function fits(schema: ParameterSchema, texts: readonly (string | undefined)[]): boolean {
  const { items } = schema;
  if (items) return texts.flatMap((text) => text?.split(',')).every((word) => word !== undefined && isOne(items, word));
  const [text, ...others] = texts;
  return text !== undefined && others.length === 0 && isOne(schema, text);
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** @throws Error at a kind of parameter that this does not know yet */
function isOne(schema: ParameterSchema, text: string): boolean {
  if (schema.enum) return schema.enum.includes(text);
  if (schema.pattern) return new RegExp(schema.pattern, 'u').test(text);
  if (schema.format === 'uuid') return UUID.test(text);
  if (schema.type === 'boolean') return text === 'true' || text === 'false';
  if (schema.type !== 'integer') throw new Error(`Say what fits ${JSON.stringify(schema)}.`);
  const { minimum = -Infinity, maximum = Number.MAX_SAFE_INTEGER } = schema;
  return /^(0|[1-9][0-9]*)$/.test(text) && Number(text) >= minimum && Number(text) <= maximum;
}

const EXAMPLES = ['1', '1-0', 'true', 'x', '7cafdc19-3cab-4b49-9b7d-4f2f6f4f9d5b', 'FAILED'];

/** A value that the parameter may have. @throws Error if none is known */
export function example({ name, schema }: DocumentedParameter): string {
  const found = EXAMPLES.find((text) => fits(schema, [text]));
  if (found === undefined) throw new Error(`Give an example of ${name}.`);
  return found;
}

/** The least and the largest value of a number; nothing for what is none. */
export const extremes = ({ type, minimum = 0, maximum = Number.MAX_SAFE_INTEGER }: ParameterSchema): string[] =>
  type === 'integer' ? [String(minimum), String(maximum)] : [];
