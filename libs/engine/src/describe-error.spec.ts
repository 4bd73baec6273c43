import { describe, expect, it } from 'vitest';
import { clip, messageOf, stackOf } from './describe-error.js';

function broken(): void {}

const bare = (fields: object): object => Object.assign(Object.create(null) as object, fields);

const throwing = {
  get message(): string {
    throw new Error('not readable');
  },
  get name(): string {
    throw new Error('not readable');
  },
};

class EmptyError extends Error {
  override readonly name = 'EmptyError';
}

describe('a thrown value is told as', () => {
  it.each<[string, unknown, string]>([
    ['an error', new Error('disk full'), 'disk full'],
    ['a string', 'disk full', 'disk full'],
    ['an empty string', '', 'an empty value was thrown'],
    ['a number', 0, '0'],
    ['a BigInt', 5n, '5'],
    ['a symbol', Symbol('x'), 'Symbol(x)'],
    ['undefined', undefined, 'undefined was thrown; throw an Error that tells why'],
    ['null', null, 'null was thrown; throw an Error that tells why'],
    ['an error without a message', new EmptyError(), 'EmptyError without a message'],
    ['an error with a code alone', Object.assign(new Error(''), { code: 'ECONNREFUSED' }), 'code ECONNREFUSED'],
    ['an object with a code', { code: 42 }, 'code 42'],
    ['an object', { reason: 'disk full' }, 'Object {"reason":"disk full"}'],
    ['an empty object', {}, 'Object without a message'],
    ['a null prototype with a message', bare({ message: 'disk full' }), 'disk full'],
    ['a null prototype', bare({ a: 1 }), 'object {"a":1}'],
    ['an empty null prototype', bare({}), 'an object without a message'],
    ['a function', broken, 'broken without a message'],
    ['getters that throw', throwing, 'Object without a message'],

    ['a message that is not text', { message: { a: 1 } }, 'Object {"message":{"a":1}}'],
    ['a cause', new Error('not imported', { cause: new Error('disk full') }), 'not imported; caused by: disk full'],
    ['a cause that is told already', new Error('x: disk full', { cause: new Error('disk full') }), 'x: disk full'],
    ['a cause of a cause', new Error('a', { cause: new Error('b', { cause: 'c' }) }), 'a; caused by: b; caused by: c'],
    [
      'several errors',
      new AggregateError([new Error('a'), 'b', { code: 'C' }]),
      'AggregateError without a message; a; b; code C',
    ],
    ['several errors, told', new AggregateError([new Error('a')], 'all failed'), 'all failed; a'],
  ])('%s', (_, thrown, told) => {
    expect(messageOf(thrown)).toBe(told);
  });

  it('a revoked proxy', () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    expect(messageOf(proxy)).toMatch(/./);
  });

  it('a circle of causes, which ends', () => {
    const error = new Error('a');
    error.cause = new Error('b', { cause: error });
    expect(messageOf(error)).toMatch(/^a; caused by: b/);
    const all = new AggregateError([], 'all');
    all.errors.push(all, all, all, all, all, all);
    expect(messageOf(all).length).toBeLessThanOrEqual(4_000);
  });

  it('at most 4,000 characters', () => {
    expect(messageOf(new Error('x'.repeat(5_000)))).toBe(`${'x'.repeat(3_999)}…`);
  });
});

describe('clip', () => {
  it('cuts only what is too long', () => {
    expect([clip('abc', 3), clip('abcd', 3)]).toEqual(['abc', 'ab…']);
  });
});

describe('stackOf', () => {
  it('shows the stacks of the causes too', () => {
    const cause = new Error('disk full');
    const error = new Error('not imported', { cause });
    expect(stackOf(error)).toBe(`${error.stack}\nCaused by: ${cause.stack}`);
  });

  it('is nothing for what is not an error', () => {
    expect([stackOf('x'), stackOf(undefined), stackOf({ stack: 'x' })]).toEqual([undefined, undefined, undefined]);
  });
});
