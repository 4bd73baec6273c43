import { isUtf8 } from 'node:buffer';
import { FILTERED, Rejection, type Processed } from '#job-kit';
import { excerptOf, type FhirRow } from './fhir-row.js';
import { microsecondsOf } from './instant.js';
import type { OnConflict } from './on-conflict.js';
import { tooLongWrittenOut } from './written-out.js';

/** One physical line of a source. */
export interface SourceLine {
  file: string;
  /** From 0 within the file. */
  row: number;
  /** Without its line ending. Of a line that is too long, only the beginning. */
  bytes: Buffer;
  tooLong: boolean;
}

export interface ParseOptions {
  maxLineBytes: number;
  /** Default as in {@link FhirRow}. */
  onConflict?: OnConflict;
}

/** As the table `resource` holds them. */
const MOST_CHARACTERS = 64;
const BACKSLASH = 0x5c;
/** The bytes that a blank line may hold: tab, vertical tab, form feed, return, space. */
const BLANK = new Set([0x09, 0x0b, 0x0c, 0x0d, 0x20]);

/**
 * A line as a row of the table, left out if it is blank, refused if it is bad. What PostgreSQL alone finds fault with
 * (a number beyond its numeric type, say) is refused there.
 */
export function parse(line: SourceLine, { maxLineBytes, onConflict }: ParseOptions): Processed<FhirRow> {
  const { bytes, file, row } = line;
  const reject = (reason: string) => new Rejection(reason, { file, row }, excerptOf(bytes));
  if (line.tooLong) return reject(`is longer than ${maxLineBytes} bytes`);
  if (isBlank(bytes)) return FILTERED;
  if (!isUtf8(bytes)) return reject('is not valid UTF-8');
  if (bytes.includes(0) || hasEscapedNul(bytes)) return reject('contains a NUL character');
  const read = readFrom(bytes.toString());
  return typeof read === 'string'
    ? reject(read)
    : { ...read, body: bytes, file, row, ...(onConflict && { onConflict }) };
}

/** What the table wants to know of a resource, or what is wrong with it. */
function readFrom(text: string): Pick<FhirRow, 'resourceType' | 'id' | 'updated'> | string {
  const resource = parsed(text);
  if (resource === undefined) return 'is not valid JSON';
  if (resource === null || typeof resource !== 'object' || Array.isArray(resource)) return 'is not a JSON object';
  const { resourceType, id, meta } = resource as Record<string, unknown>;
  if (!isKey(resourceType)) return faultOf('resourceType', resourceType);
  if (!isKey(id)) return faultOf('id', id);
  const number = tooLongWrittenOut(text);
  if (number !== undefined) return `has numbers that are too long when they are written out, such as ${number}`;
  const updated = microsecondsOf((meta as { lastUpdated?: unknown } | null | undefined)?.lastUpdated);
  return updated === undefined ? { resourceType, id } : { resourceType, id, updated };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
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
