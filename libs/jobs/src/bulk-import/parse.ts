import { isUtf8 } from 'node:buffer';
import { excerptOf, type FhirRow } from '#fhir-store';
import { FILTERED, Rejection, type Processed } from '#job-kit';
import type { Line } from './lines.js';

/** As the table `resource` holds them. */
const MOST_CHARACTERS = 64;
const BACKSLASH = 0x5c;
/** The bytes that a blank line may hold: tab, vertical tab, form feed, return, space. */
const BLANK = new Set([0x09, 0x0b, 0x0c, 0x0d, 0x20]);

/**
 * A line as a row of the table, left out if it is blank, refused if it is bad. What PostgreSQL alone finds fault with
 * (a number beyond its numeric type, say) is refused there.
 */
export function parse(line: Line, maxLineBytes: number): Processed<FhirRow> {
  const { bytes, file, row } = line;
  const reject = (reason: string) => new Rejection(reason, { file, row }, excerptOf(bytes));
  if (line.tooLong) return reject(`is longer than ${maxLineBytes} bytes`);
  if (isBlank(bytes)) return FILTERED;
  if (!isUtf8(bytes)) return reject('is not valid UTF-8');
  if (bytes.includes(0) || hasEscapedNul(bytes)) return reject('contains a NUL character');
  const keys = keysOf(bytes);
  return typeof keys === 'string' ? reject(keys) : { ...keys, body: bytes, file, row };
}

/** The resource's type and id, or what is wrong with it. */
function keysOf(bytes: Buffer): { resourceType: string; id: string } | string {
  const resource = parsed(bytes);
  if (resource === undefined) return 'is not valid JSON';
  if (resource === null || typeof resource !== 'object' || Array.isArray(resource)) return 'is not a JSON object';
  const { resourceType, id } = resource as Record<string, unknown>;
  if (!isKey(resourceType)) return faultOf('resourceType', resourceType);
  if (!isKey(id)) return faultOf('id', id);
  return { resourceType, id };
}

function parsed(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString());
  } catch {
    return undefined;
  }
}

const isKey = (value: unknown): value is string =>
  typeof value === 'string' &&
  value !== '' &&
  (value.length <= MOST_CHARACTERS || [...value].length <= MOST_CHARACTERS);

function faultOf(name: string, value: unknown): string {
  if (value === undefined || value === '') return `has no ${name}`;
  return typeof value === 'string'
    ? `has more than ${MOST_CHARACTERS} characters in its ${name}`
    : `has something other than a string as its ${name}`;
}

function isBlank(bytes: Buffer): boolean {
  for (const byte of bytes) if (!BLANK.has(byte)) return false;
  return true;
}

/** Whether `\u0000` stands there as an escape: after an odd number of backslashes it is one, after an even number it is plain text. */
function hasEscapedNul(bytes: Buffer): boolean {
  for (let at = bytes.indexOf('u0000'); at !== -1; at = bytes.indexOf('u0000', at + 1)) {
    let slashes = 0;
    while (bytes[at - 1 - slashes] === BACKSLASH) slashes++;
    if (slashes % 2 === 1) return true;
  }
  return false;
}
