/** A line that was made to do harm, and how the reason for its rejection begins; without one it is a good row. */
export type HostileRow = readonly [kind: string, line: string | Buffer, reason?: string];

const DEPTH = 100_000;
const MOST_DIGITS = 131_072;

let ids = 0;
/** A resource with something in it, as JSON. */
const resource = (inside: string): string => `{"resourceType":"Basic","id":"hostile-${ids++}","x":${inside}}`;
const bytes = (before: string, hex: string, after: string) =>
  Buffer.concat([Buffer.from(before), Buffer.from(hex, 'hex'), Buffer.from(after)]);
/** A resource with a text of these bytes. */
const withBytes = (hex: string) => bytes(resource('"').slice(0, -1), hex, '"}');

const JSON_FAULT = 'is not valid JSON';
const NUL = 'contains a NUL character';
const UTF8_FAULT = 'is not valid UTF-8';
const TOO_DEEP = 'is refused by the database: stack depth limit exceeded';
const SURROGATE = 'is refused by the database: ';
const OVERFLOW = 'is refused by the database: value overflows numeric format';

/** Kinds of rows beyond the plainly bad ones of `import.spec.ts`. */
export const HOSTILE_ROWS: readonly HostileRow[] = [
  ['arrays 100,000 deep', resource('['.repeat(DEPTH) + ']'.repeat(DEPTH)), TOO_DEEP],
  ['objects 100,000 deep', resource('{"a":'.repeat(DEPTH) + '1' + '}'.repeat(DEPTH)), TOO_DEEP],
  ['arrays that never close', '['.repeat(DEPTH), JSON_FAULT],
  ['arrays that close too often', resource('[' + ']'.repeat(DEPTH)), JSON_FAULT],
  ['arrays 1,000 deep', resource('['.repeat(1_000) + ']'.repeat(1_000))],

  ['a continuation byte alone', withBytes('80'), UTF8_FAULT],
  ['a character that breaks off', withBytes('e282'), UTF8_FAULT],
  ['an overlong NUL', withBytes('c080'), UTF8_FAULT],
  ['a surrogate as bytes', withBytes('eda080'), UTF8_FAULT],
  ['beyond Unicode', withBytes('f4908080'), UTF8_FAULT],
  ['UTF-16', Buffer.from(resource('1'), 'utf16le'), NUL],
  ['UTF-16 with its mark', Buffer.from(`\uFEFF${resource('1')}`, 'utf16le'), UTF8_FAULT],
  ['a byte order mark in mid-file', `\uFEFF${resource('1')}`, JSON_FAULT],
  ['a noncharacter', resource('"\uFFFE\u{10FFFF}"')],

  ['the first half of a surrogate pair', resource('"\\ud800 "'), SURROGATE],
  ['the second half of one', resource('"\\udc00"'), SURROGATE],
  ['a pair the wrong way round', resource('"\\udc00\\ud800"'), SURROGATE],
  ['half a pair in a key', resource('{"\\udbff":1}'), SURROGATE],
  ['half a pair as the id', '{"resourceType":"Basic","id":"\\ud800"}', SURROGATE],
  ['a whole pair', resource('"\\ud834\\udd1e"')],

  ['a NUL among white space', `${resource('1')}\0`, NUL],
  ['an escaped NUL in a key', resource('{"a\\u0000":1}'), NUL],
  ['an escaped NUL as the type', '{"resourceType":"\\u0000","id":"a"}', NUL],
  ['nothing but NULs', '\0'.repeat(4_096), NUL],
  ['a backslash before what looks like a NUL', resource('"\\\\u0000"')],
  ['a bare control character', resource('"\u0001"'), JSON_FAULT],
  ['a bare return in a text', resource('"\r"'), JSON_FAULT],
  ['a return between tokens', `{"resourceType":"Basic",\r"id":"return"\r}`],
  ['two resources with a return between', `${resource('1')}\r${resource('1')}`, JSON_FAULT],

  ['keys of the prototype', resource('{"__proto__":{"a":1},"constructor":{"prototype":{"a":1}},"toString":1}')],
  ['type and id in the prototype', '{"__proto__":{"resourceType":"Basic","id":"a"}}', 'has no resourceType'],
  ['a type named __proto__', '{"resourceType":"__proto__","id":"constructor"}'],
  ['a type named constructor', '{"resourceType":"constructor","id":"__proto__"}'],
  ['a type that is a list', '{"resourceType":["Basic"],"id":"a"}', 'has something other than a string'],
  ['an id that is an object', '{"resourceType":"Basic","id":{"toString":"a"}}', 'has something other than a string'],

  ['numbers beyond a double', resource(`[1e400,-1e400,1e-400,${'9'.repeat(400)}]`)],
  ['a negative zero', resource('-0')],
  ['as many digits as there may be', resource('9'.repeat(MOST_DIGITS))],
  ['one digit more', resource('9'.repeat(MOST_DIGITS + 1)), OVERFLOW],
  ['an exponent that is a bomb', resource('1e999999999'), 'is refused by the database: '],
  ['an exponent beyond all bounds', resource(`1e${'9'.repeat(1_000)}`), 'is refused by the database: '],
  ['no number', resource('NaN'), JSON_FAULT],
  ['a number with a sign', resource('+1'), JSON_FAULT],
  ['a key of a million characters', resource(`{"${'k'.repeat(1_000_000)}":1}`)],
];
