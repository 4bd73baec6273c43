import { gzipSync } from 'node:zlib';

/** A body, how it is refused, and by which fields where a route takes `jobParameters`. */
export interface HostileBody {
  name: string;
  body: string | Buffer;
  headers?: Record<string, string>;
  code: 'INVALID_REQUEST' | 'BODY_TOO_LARGE' | 'UNSUPPORTED_MEDIA_TYPE';
  /** Sorted; absent where no field can be named. */
  fields?: readonly string[];
}

const LIMIT = 256 * 1_024;
const JSON_TYPE = { 'Content-Type': 'application/json' };

const invalid = (name: string, body: string | Buffer, fields?: readonly string[]): HostileBody => ({
  name,
  body,
  headers: JSON_TYPE,
  code: 'INVALID_REQUEST',
  ...(fields && { fields }),
});

const ofType = (
  type: string | undefined,
  more: Record<string, string> = {},
  body: string | Buffer = '{}',
): HostileBody => ({
  name: `of type ${type?.slice(0, 40)}${Object.entries(more).flat().join(' ')}`,
  body,
  headers: { ...(type !== undefined && { 'Content-Type': type }), ...more },
  code: 'UNSUPPORTED_MEDIA_TYPE',
});

const withValue = (value: string): string => `{"jobParameters":{"a":${value}}}`;
const manyFields = Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`field${i}`, 1]));

export const HOSTILE_BODIES: readonly HostileBody[] = [
  invalid('that breaks off', '{"jobParameters":{"a":'),
  invalid('that goes on', '{}{}'),
  invalid('in single quotes', "{'a':1}"),
  invalid('with a comma too many', '{"a":1,}'),
  invalid('with a comment', '{}//'),
  invalid('with NaN', withValue('NaN')),
  invalid('of NULs', '\0\0\0'),
  invalid('in UTF-16', Buffer.from('{}', 'utf16le')),
  invalid('in broken UTF-8', Buffer.from(withValue('"\xff"'), 'latin1')),
  invalid('that is null', 'null', ['body']),
  invalid('that is a number', '1e400', ['body']),
  invalid('that is a text', '"{}"', ['body']),
  invalid('that is a list', '[{}]', ['body']),
  invalid('100,000 lists deep', '['.repeat(100_000) + ']'.repeat(100_000), ['body']),
  invalid('with a value 100,000 lists deep', withValue('['.repeat(100_000) + ']'.repeat(100_000)), ['a']),
  invalid('10,000 objects deep', '{"a":'.repeat(10_000) + '1' + '}'.repeat(10_000), ['a']),
  invalid('with parameters that are text', '{"jobParameters":"a"}', ['jobParameters']),
  invalid('with a key twice, the last one bad', '{"jobParameters":{},"jobParameters":[]}', ['jobParameters']),
  invalid('with __proto__', '{"__proto__":{"a":1}}'),
  invalid('with an escaped __proto__', '{"__pr\\u006fto__":{"a":1}}'),
  invalid('with __proto__ among parameters', '{"jobParameters":{"__proto__":{"a":1}}}'),
  invalid('with a constructor', '{"constructor":{"prototype":{"a":1}}}'),
  invalid('with a parameter named constructor', '{"jobParameters":{"constructor":{}}}', ['constructor']),
  invalid('with a nameless parameter', '{"jobParameters":{"":1}}', ['']),
  invalid('with a NUL for a name', '{"jobParameters":{"a\\u0000":1}}', ['a\0']),
  invalid('with half a character for a name', '{"jobParameters":{"\\ud800":1}}', ['\ud800']),
  invalid('with 10,000 fields', JSON.stringify(manyFields)),
  invalid('with a name of 200,000 characters', JSON.stringify({ ['x'.repeat(200_000)]: 1 })),
  { name: 'one byte too long', body: `"${'x'.repeat(LIMIT - 1)}"`, headers: JSON_TYPE, code: 'BODY_TOO_LARGE' },
  {
    name: 'that is said to be endless',
    body: '{}',
    headers: { ...JSON_TYPE, 'Content-Length': '999999999999' },
    code: 'BODY_TOO_LARGE',
  },
  ofType(undefined),
  ofType('text/json'),
  ofType('application/jsonx'),
  ofType('multipart/form-data; boundary=x'),
  ofType('json'),
  ofType(';;;'),
  ofType('x'.repeat(10_000)),
  ofType('application/json', { 'Content-Encoding': 'gzip' }, gzipSync('{}')),
];
