import { describe, expect, it } from 'vitest';
import { FILTERED, Rejection } from '#job-kit';
import { assertRead, assertResult, exitCodeFrom, isWritten, processedOf, storable, wholeNumberOf } from './border.js';
import { StepFailure } from './job-code.js';
import { LIMITS } from './limits.js';

/** The message with which a value is refused. */
function refusal(check: () => unknown): string {
  try {
    check();
  } catch (error) {
    if (error instanceof StepFailure) return error.message;
    throw error;
  }
  throw new Error('It was accepted.');
}

const circular: Record<string, unknown> = {};
circular['self'] = circular;

describe('a limit', () => {
  it.each([1, 500, Number.MAX_SAFE_INTEGER])('may be %d', (value) => {
    expect(wholeNumberOf('The commitInterval of load', value, 1)).toBe(value);
  });

  it.each<[unknown, string]>([
    [NaN, 'NaN'],
    [0, '0'],
    [1.5, '1.5'],
    ['5', '"5"'],
    [undefined, 'undefined'],
    [Promise.resolve(5), 'a promise'],
    [5n, '5n, a BigInt'],
  ])('may not be %s', (value, told) => {
    const message = refusal(() => wholeNumberOf('The commitInterval of load', value, 1));
    expect(message).toMatch(/^The commitInterval of load must be a whole number of at least 1, not .+\.$/);
    expect(message).toContain(`not ${told}.`);
  });
});

describe('what a tasklet returns', () => {
  it('is its exit code, or nothing', () => {
    expect(exitCodeFrom('close', undefined)).toBe('COMPLETED');
    expect(exitCodeFrom('close', 'COMPLETED WITH SKIPS')).toBe('COMPLETED WITH SKIPS');
  });

  it.each([null, '', 'a\nb', 'x'.repeat(101), 7, {}, Promise.resolve('x'), circular, () => 1])(
    'is refused if it is %o',
    (value) => {
      expect(refusal(() => exitCodeFrom('close', value))).toMatch(/^close returned .+\. A tasklet returns nothing, or/);
    },
  );
});

describe('a result', () => {
  it.each(['', 'a\u0000', 'x'.repeat(101), 7, undefined])('may not be named %j', (name) => {
    expect(refusal(() => assertResult('close', name, 1))).toMatch(/^close set a result named .+ 1 to 100 printable/);
  });

  it('is refused with its name and the place of what cannot be stored', () => {
    expect(refusal(() => assertResult('close', 'total', { a: [0, undefined] }))).toBe(
      'The result "total" of close cannot be stored: .a[1] is undefined.',
    );
  });
});

describe('what can be stored', () => {
  it.each([null, true, 0, -1.5, '', 'a', [], {}, [[1], { a: null }], Object.create(null)])('is %j', (value) => {
    expect(storable('It', value, 100)).toBe(JSON.stringify(value));
  });

  class Point {
    x = 1;
  }

  it.each<[string, unknown, string]>([
    ['undefined', undefined, 'it is undefined'],
    ['undefined within', { a: { b: undefined } }, '.a.b is undefined'],
    ['a BigInt', [1n], '[0] is 1n, a BigInt'],
    ['NaN', { a: NaN }, '.a is NaN'],
    ['Infinity', -Infinity, 'it is -Infinity'],
    ['a function', { a: () => 1 }, '.a is a function'],
    ['a symbol', Symbol('x'), 'it is a symbol'],
    ['a date', { at: new Date() }, '.at is a Date, which is not plain data'],
    ['a map', new Map(), 'it is a Map, which is not plain data'],
    ['an object of a class', [new Point()], '[0] is a Point, which is not plain data'],
    ['a promise', Promise.resolve(1), 'it is a Promise, which is not plain data'],
    ['a circle', circular, 'is nested more than 100 levels deep, or refers to itself'],
  ])('is not %s', (_, value, told) => {
    expect(refusal(() => storable('It', value, 100))).toContain(`${told}.`);
  });

  it('is no longer than what is kept', () => {
    expect(storable('It', 'x'.repeat(98), 100)).toHaveLength(100);
    expect(refusal(() => storable('It', 'x'.repeat(99), 100))).toBe(
      'It cannot be stored: it has 101 characters as JSON, and at most 100 are kept.',
    );
  });

  it('is looked at without running into a getter that throws', () => {
    const trap = {
      get a(): number {
        throw new Error('boom');
      },
    };
    expect(refusal(() => storable('It', trap, 100))).toBe('It cannot be stored: it cannot be read: boom.');
  });
});

describe('what a reader returns', () => {
  it('is a chunk of at most as many items as were asked for, or the end', () => {
    expect(() => assertRead('load', undefined, 2)).not.toThrow();
    expect(() => assertRead('load', { items: [1, 2], position: { at: 2 } }, 2)).not.toThrow();
    expect(() => assertRead('load', { items: [], position: null }, 2)).not.toThrow();
  });

  it.each([null, 7, 'x', {}, { items: 'ab', position: 0 }, []])('is refused if it is %o', (chunk) => {
    expect(refusal(() => assertRead('load', chunk as never, 2))).toMatch(
      /^The reader of load returned .+\. It returns \{ items, position \}, or undefined at the end\.$/,
    );
  });

  it('is refused with more items than were asked for', () => {
    expect(refusal(() => assertRead('load', { items: [1, 2, 3], position: 3 }, 2))).toBe(
      'The reader of load returned 3 items, and was asked for at most 2.',
    );
  });

  it('is refused with a position that cannot be stored', () => {
    expect(refusal(() => assertRead('load', { items: [1], position: undefined as never }, 2))).toBe(
      'The position that the reader of load returned cannot be stored: it is undefined.',
    );
    expect(refusal(() => assertRead('load', { items: [1], position: 'x'.repeat(LIMITS.position) }, 2))).toMatch(
      /at most 16000 are kept\.$/,
    );
  });
});

describe('what process returns', () => {
  const rejection = new Rejection('is bad', { file: 'a', row: 1 }, '{');

  it.each([0, '', null, false, { a: 1 }, FILTERED, rejection])('may be %o', (value) => {
    expect(processedOf('load', value)).toBe(value);
  });

  it('may not be nothing', () => {
    expect(refusal(() => processedOf('load', undefined))).toBe(
      'process of load returned undefined. Return the item, FILTERED to leave it out, or a Rejection.',
    );
  });

  it('is written unless it was left out or refused', () => {
    expect([0, null, FILTERED, rejection].map(isWritten)).toEqual([true, true, false, false]);
  });
});
