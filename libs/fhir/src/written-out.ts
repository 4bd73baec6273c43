/**
 * PostgreSQL stores 1e131071 in a few bytes, and writes it out in 131,072 digits; a text of more than 1 GB it cannot give
 * back at all. So a line may hold so many digits that stand there only as exponents, and no more.
 */
const MOST_DIGITS = 16_000_000;

/** Beyond it PostgreSQL refuses the number by itself. */
const LARGEST_EXPONENT = 131_072;

/** Cheap, and wrong now and then, as for a text such as ": 1e55". */
const MAY_HAVE_EXPONENT = /[:[,\s]-?\d[\d.]*[eE][+-]?\d\d/;

/** Strings are passed over whole. */
const STRING_OR_EXPONENT = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?[eE][+-]?(\d+)/g;

/** The first number of a JSON text with which its numbers, written out, become too long; undefined if all is well. */
export function tooLongWrittenOut(json: string): string | undefined {
  if (!MAY_HAVE_EXPONENT.test(json)) return undefined;
  let digits = 0;
  for (const [number, exponent] of json.matchAll(STRING_OR_EXPONENT)) {
    const size = Number(exponent ?? 0);
    if (size <= LARGEST_EXPONENT) digits += size;
    if (digits > MOST_DIGITS) return number;
  }
  return undefined;
}
