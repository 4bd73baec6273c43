/** An element type of PostgreSQL: its oid, and what goes before a value in binary form. */
export interface ElementType {
  oid: number;
  prefix: Buffer;
}

const NOTHING = Buffer.alloc(0);
export const BYTEA: ElementType = { oid: 17, prefix: NOTHING };
export const INT8: ElementType = { oid: 20, prefix: NOTHING };
export const TEXT: ElementType = { oid: 25, prefix: NOTHING };
/** In microseconds since 2000. */
export const TIMESTAMPTZ: ElementType = { oid: 1184, prefix: NOTHING };
/** The prefix is the version of jsonb's binary form, which is JSON text otherwise. */
export const JSONB: ElementType = { oid: 3802, prefix: Buffer.of(1) };

/** Dimensions, null flag, element type, length, lower bound: 32 bits each. */
const HEADER_WORDS = 5;

/**
 * An array as a binary parameter, as `array_recv` reads it
 * (https://github.com/postgres/postgres/blob/master/src/backend/utils/adt/arrayfuncs.c). In this form nothing is
 * escaped here and unescaped there; pg hands a Buffer on as it is.
 */
export function binaryArray({ oid, prefix }: ElementType, values: readonly (string | Buffer | null)[]): Buffer {
  const lengths = values.map((value) => (value === null ? -1 : prefix.length + Buffer.byteLength(value)));
  const bytes = lengths.reduce((sum, length) => sum + 4 + Math.max(length, 0), HEADER_WORDS * 4);
  const buffer = Buffer.allocUnsafe(bytes);
  let at = 0;
  for (const word of [1, values.includes(null) ? 1 : 0, oid, values.length, 1]) at = buffer.writeInt32BE(word, at);
  for (const [i, value] of values.entries()) {
    at = buffer.writeInt32BE(lengths[i] ?? 0, at);
    if (value === null) continue;
    at += prefix.copy(buffer, at);
    at += typeof value === 'string' ? buffer.write(value, at) : value.copy(buffer, at);
  }
  return buffer;
}

/** A 64-bit integer in binary form. @throws RangeError beyond 64 bits */
export function int64(value: bigint): Buffer {
  const buffer = Buffer.allocUnsafe(8);
  buffer.writeBigInt64BE(value);
  return buffer;
}
