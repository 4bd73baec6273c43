import { describe, expect, it } from 'vitest';
import { requestIdOf } from './request-id.js';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const own = () => 'own-1';

describe('the id of a request', () => {
  it('is the one that was given, then the id of the trace, then our own', () => {
    const traceparent = `00-${TRACE}-00f067aa0ba902b7-01`;
    expect(requestIdOf({ 'x-request-id': 'nightly:7/a.b', traceparent }, own)).toBe('nightly:7/a.b');
    expect(requestIdOf({ traceparent }, own)).toBe(TRACE);
    expect(requestIdOf({}, own)).toBe('own-1');
  });

  it.each([[''], ['a b'], ['a\n"b'], ['x'.repeat(129)], ['é'], ['{}']])('is our own where %j was given', (id) => {
    expect(requestIdOf({ 'x-request-id': id }, own)).toBe('own-1');
  });

  it.each([
    [`00-${'0'.repeat(32)}-00f067aa0ba902b7-01`],
    [`01-${TRACE}-00f067aa0ba902b7-01`],
    [`00-${TRACE.toUpperCase()}-00f067aa0ba902b7-01`],
    [TRACE],
  ])('is our own where traceparent is %s', (traceparent) => {
    expect(requestIdOf({ traceparent }, own)).toBe('own-1');
  });
});
