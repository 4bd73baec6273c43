/** An element type of PostgreSQL: its oid, and what goes before a value in binary form. */
export interface ElementType {
  oid: number;
  prefix: Buffer;
}

export const BYTEA: ElementType = { oid: 17, prefix: Buffer.alloc(0) };
export const TEXT: ElementType = { oid: 25, prefix: Buffer.alloc(0) };
/** The prefix is the version of jsonb's binary form, which is JSON text otherwise. */
export const JSONB: ElementType = { oid: 3802, prefix: Buffer.of(1) };

/** Dimensions, null flag, element type, length, lower bound: 32 bits each. */
const HEADER_WORDS = 5;

/**
 * An array as a binary parameter, as `array_recv` reads it
 * (https://github.com/postgres/postgres/blob/master/src/backend/utils/adt/arrayfuncs.c). In this form nothing is
 * escaped here and unescaped there; pg hands a Buffer on as it is.
 */
export function binaryArray({ oid, prefix }: ElementType, values: readonly (string | Buffer)[]): Buffer {
  const lengths = values.map((value) => prefix.length + Buffer.byteLength(value));
  const buffer = Buffer.allocUnsafe(lengths.reduce((sum, length) => sum + 4 + length, HEADER_WORDS * 4));
  let at = 0;
  for (const word of [1, 0, oid, values.length, 1]) at = buffer.writeInt32BE(word, at);
  for (const [i, value] of values.entries()) {
    at = buffer.writeInt32BE(lengths[i] ?? 0, at);
    at += prefix.copy(buffer, at);
    at += typeof value === 'string' ? buffer.write(value, at) : value.copy(buffer, at);
  }
  return buffer;
}
