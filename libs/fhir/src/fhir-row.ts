import type { OnConflict } from './on-conflict.js';

/** A FHIR resource on its way into the table `resource`. */
export interface FhirRow {
  /** 1 to 64 characters. */
  resourceType: string;
  /** 1 to 64 characters. */
  id: string;
  /** The resource as JSON, UTF-8; surrounding white space is allowed. */
  body: Buffer;
  /** The file it came from, and its row there, from 0: for the message if the database refuses it. */
  file: string;
  row: number;
  /** `meta.lastUpdated` in µs since 1970, where it is a valid instant. */
  updated?: bigint;
  /** Which row stays where ids repeat: the same in all rows of an import. Default `source-order`. */
  onConflict?: OnConflict;
}

const EXCERPT_CHARACTERS = 200;
const LONGEST_CHARACTER_BYTES = 4;

/**
 * A row's beginning, for a person to recognise it: at most 200 characters, safe in a PostgreSQL text (broken UTF-8 and
 * NUL read as U+FFFD).
 */
export function excerptOf(row: Buffer): string {
  const text = row.toString('utf8', 0, EXCERPT_CHARACTERS * LONGEST_CHARACTER_BYTES);
  return [...text].slice(0, EXCERPT_CHARACTERS).join('').replaceAll('\0', '\uFFFD');
}
