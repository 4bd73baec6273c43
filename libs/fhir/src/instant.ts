const INSTANT = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(?:\.(\d+))?(Z|[+-]\d{2}:\d{2})$/;
const MICROSECOND_DIGITS = 6;

/**
 * A FHIR instant in µs since 1970, with what is finer cut off; undefined for anything else.
 * https://hl7.org/fhir/R4/datatypes.html#instant
 */
export function microsecondsOf(value: unknown): bigint | undefined {
  const [, seconds, fraction = '', zone] = (typeof value === 'string' && INSTANT.exec(value)) || [];
  const ms = Date.parse(`${seconds}${zone}`);
  if (Number.isNaN(ms)) return undefined;
  return BigInt(ms) * 1_000n + BigInt(fraction.slice(0, MICROSECOND_DIGITS).padEnd(MICROSECOND_DIGITS, '0'));
}
