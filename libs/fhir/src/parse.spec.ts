import { FILTERED, Rejection } from '#job-kit';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse } from './parse.js';

const MAX = 1_000;
const parseLine = (text: string | Buffer, tooLong = false) =>
  parse({ file: 'a.ndjson', row: 3, bytes: Buffer.from(text), tooLong }, { maxLineBytes: MAX });

const excerptOf = (text: string | Buffer) => (parseLine(text) as Rejection).excerpt;

describe('parse', () => {
  it.each([
    ['{"resourceType":"Patient","id":"a"}', 'Patient', 'a'],
    [' {"id":"a-1.b" , "resourceType":"Patient"}\t', 'Patient', 'a-1.b'],
    ['{"resourceType":"A","resourceType":"B","id":"x","id":"y"}', 'B', 'y'],
    ['{"resourceType":"A","contained":[{"id":"inner","resourceType":"C"}],"id":"outer"}', 'A', 'outer'],
    ['{"resource\\u0054ype":"A","\\u0069d":"x"}', 'A', 'x'],
    ['{"__proto__":{"id":"no"},"resourceType":"A","id":"yes"}', 'A', 'yes'],
    ['{"resourceType":"A","id":"\\\\u0000"}', 'A', '\\u0000'],
    [`{"resourceType":"A","id":"${'𝄞'.repeat(64)}"}`, 'A', '𝄞'.repeat(64)],
  ])('accepts %s', (text, resourceType, id) => {
    expect(parseLine(text)).toEqual({ resourceType, id, body: Buffer.from(text), file: 'a.ndjson', row: 3 });
  });

  it.each(['', ' ', '\t \r', '\v\f'])('leaves out the blank line %j', (text) => {
    expect(parseLine(text)).toBe(FILTERED);
  });

  it.each<[string | Buffer, string]>([
    ['{', 'is not valid JSON'],
    ["{'resourceType':'A'}", 'is not valid JSON'],
    ['{"resourceType":"A","id":"x"}{}', 'is not valid JSON'],
    ['{"resourceType":"A","id":"x",}', 'is not valid JSON'],
    ['null', 'is not a JSON object'],
    ['[{"resourceType":"A","id":"x"}]', 'is not a JSON object'],
    ['"text"', 'is not a JSON object'],
    ['12', 'is not a JSON object'],
    ['{"id":"x"}', 'has no resourceType'],
    ['{"resourceType":"","id":"x"}', 'has no resourceType'],
    ['{"resourceType":null,"id":"x"}', 'has something other than a string as its resourceType'],
    ['{"resourceType":"A"}', 'has no id'],
    ['{"resourceType":"A","id":""}', 'has no id'],
    ['{"resourceType":"A","id":7}', 'has something other than a string as its id'],
    ['{"resourceType":"A","__proto__":{"id":"x"}}', 'has no id'],
    ['{"resourceType":"A","x":{"id":"y"}}', 'has no id'],
    [`{"resourceType":"A","id":"${'x'.repeat(65)}"}`, 'has more than 64 characters in its id'],
    ['{"resourceType":"A","id":"x\\u0000"}', 'contains a NUL character'],
    ['{"resourceType":"A","id":"x","t":"\\\\\\u0000"}', 'contains a NUL character'],
    ['{"resourceType":"A","id":"x\0"}', 'contains a NUL character'],
    [Buffer.from('{"resourceType":"A","id":"\xe9"}', 'latin1'), 'is not valid UTF-8'],
    [Buffer.from('{"resourceType":"A","id":"a"}', 'utf16le'), 'contains a NUL character'],
  ])('refuses %s', (text, reason) => {
    expect(parseLine(text)).toMatchObject({ reason, where: { file: 'a.ndjson', row: 3 } });
  });

  it('refuses a line that is too long by its beginning', () => {
    expect(parseLine('{"resourceType":"A"', true)).toMatchObject({
      reason: 'is longer than 1000 bytes',
      excerpt: '{"resourceType":"A"',
    });
  });

  it('shows a beginning of at most 200 characters that PostgreSQL can store', () => {
    expect(excerptOf('𝄞'.repeat(300))).toBe('𝄞'.repeat(200));
    expect(excerptOf('a\0b')).toBe('a\uFFFDb');
    expect(excerptOf(Buffer.from('{\xff}', 'latin1'))).toBe('{\uFFFD}');
  });

  it('accepts exactly the objects with a type and an id, whatever else they hold', () => {
    fc.assert(
      fc.property(
        fc.record({ resourceType: fc.jsonValue(), id: fc.jsonValue(), other: fc.jsonValue() }, { requiredKeys: [] }),
        (resource) => {
          const text = JSON.stringify(resource);
          fc.pre(!text.includes('u0000'));
          const { resourceType, id } = resource;
          const good = [resourceType, id].every((v) => typeof v === 'string' && v !== '' && [...v].length <= 64);
          const outcome = parseLine(text);
          const accepted = { resourceType, id, body: Buffer.from(text), file: 'a.ndjson', row: 3 };
          expect(outcome instanceof Rejection ? 'refused' : outcome).toEqual(good ? accepted : 'refused');
        },
      ),
    );
  });
});
