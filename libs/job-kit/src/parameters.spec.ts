import { LongshoreError } from '#domain';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { oneOf, parseParameters, wholeNumber } from './parameters.js';

const schema = z.strictObject({
  source: z.string().min(1, 'must not be empty'),
  interval: wholeNumber(1, 1_000).prefault('500'),
  mode: oneOf('fast', 'careful').optional(),
});

const parse = (parameters: Record<string, string>) => parseParameters('anyJob', schema, parameters);

/** The refusal of these parameters. */
function refusal(parameters: Record<string, unknown>): LongshoreError {
  try {
    parse(parameters as Record<string, string>);
  } catch (error) {
    if (error instanceof LongshoreError) return error;
    throw error;
  }
  throw new Error('These parameters were accepted.');
}

describe('parameters', () => {
  it('are turned from strings into what the job works with, defaults filled in', () => {
    expect(parse({ source: 'a' })).toEqual({ source: 'a', interval: 500 });
    expect(parse({ source: 'a', interval: '7', mode: 'careful' })).toEqual({
      source: 'a',
      interval: 7,
      mode: 'careful',
    });
  });

  it('are refused with every bad field named, once, in one error', () => {
    const error = refusal({ interval: '0', mode: 'slow', speed: '9', colour: 'red' });
    expect(error.code).toBe('INVALID_PARAMETERS');
    expect(error.fields).toEqual([
      { field: 'source', message: 'is required' },
      { field: 'interval', message: 'must be a whole number from 1 to 1000' },
      { field: 'mode', message: expect.stringContaining('"fast"|"careful"') },
      { field: 'speed', message: 'is not a parameter of this job' },
      { field: 'colour', message: 'is not a parameter of this job' },
    ]);
    expect(error.message).toMatch(/^Parameters of anyJob refused: source is required; interval must .+ job\.$/);
  });

  it.each(['__proto__', 'constructor', 'toString', 'Source', 'source '])(
    'are refused with the unknown name %j',
    (name) => {
      const parameters = JSON.parse(`{"source": "a", ${JSON.stringify(name)}: "x"}`) as Record<string, string>;
      expect(refusal(parameters).fields).toEqual([{ field: name, message: 'is not a parameter of this job' }]);
    },
  );

  it.each([null, 7, true, ['a'], { a: 1 }])('are refused where a value is %j, not a string', (value) => {
    expect(refusal({ source: value }).fields.map(({ field }) => field)).toEqual(['source']);
    expect(refusal({ source: 'a', interval: value }).fields.map(({ field }) => field)).toEqual(['interval']);
  });
});

const accepted = (text: string, min: number, max: number) => wholeNumber(min, max).safeParse(text);

describe('wholeNumber', () => {
  it('accepts just the whole numbers of its range', () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer(), fc.integer(), (n, a, b) => {
        const [min, max] = [Math.min(a, b), Math.max(a, b)];
        const result = accepted(String(n), min, max);
        expect(result.success).toBe(n >= min && n <= max);
        expect(result.data).toBe(result.success ? n : undefined);
      }),
    );
  });

  it.each(['', ' 1', '1 ', '1.5', '1e3', '0x10', '+1', '１', 'NaN', 'Infinity', '1_000', '9'.repeat(16), '1\n'])(
    'refuses %j',
    (text) => {
      const result = accepted(text, -Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
      expect(result.error?.issues.map(({ message }) => message)).toEqual([
        `must be a whole number from -${Number.MAX_SAFE_INTEGER} to ${Number.MAX_SAFE_INTEGER}`,
      ]);
    },
  );
});
