import type { FhirRow } from './fhir-row.js';

// PostgreSQL's binary COPY format: https://www.postgresql.org/docs/current/sql-copy.html, "Binary Format".
const HEADER = Buffer.from('PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0', 'latin1');
const TRAILER_BYTES = 2;
const COLUMNS = 3;
const JSONB_VERSION = 1;
/** A row's fixed part: the number of columns, their lengths, and jsonb's version. */
const FIXED_BYTES = 2 + COLUMNS * 4 + 1;
const LONGEST_UTF8_PER_UNIT = 3;

/** The rows as one binary COPY of (resource_type text, id text, body jsonb): no escaping, one buffer. */
export function encodeCopy(rows: readonly FhirRow[]): Buffer {
  const buffer = Buffer.allocUnsafe(rows.reduce((sum, row) => sum + mostBytes(row), HEADER.length + TRAILER_BYTES));
  let at = HEADER.copy(buffer);
  for (const row of rows) {
    at = buffer.writeInt16BE(COLUMNS, at);
    at = putText(buffer, row.resourceType, at);
    at = putText(buffer, row.id, at);
    at = buffer.writeInt32BE(row.body.length + 1, at);
    at = buffer.writeInt8(JSONB_VERSION, at);
    at += row.body.copy(buffer, at);
  }
  return buffer.subarray(0, buffer.writeInt16BE(-1, at));
}

/** A jsonb value as a binary parameter. */
export const jsonbParameter = (body: Buffer): Buffer => Buffer.concat([Buffer.of(JSONB_VERSION), body]);

const mostBytes = ({ resourceType, id, body }: FhirRow): number =>
  FIXED_BYTES + LONGEST_UTF8_PER_UNIT * (resourceType.length + id.length) + body.length;

function putText(buffer: Buffer, text: string, at: number): number {
  const length = buffer.write(text, at + 4);
  return buffer.writeInt32BE(length, at) + length;
}
