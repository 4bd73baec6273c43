import { describe, expect, it } from 'vitest';
import { isUnavailable } from './unavailable.js';

const withCode = (code: string) => Object.assign(new Error('x'), { code });
const named = (name: string) => Object.assign(new Error('x'), { name });

describe('isUnavailable', () => {
  it.each([
    withCode('ECONNREFUSED'),
    withCode('57P01'),
    withCode('08006'),
    withCode('3D000'),
    withCode('28P01'),
    withCode('28000'),
    withCode('53100'),
    withCode('25006'),
    new Error('NOAUTH Authentication required.'),
    new Error('WRONGPASS invalid username-password pair or user is disabled.'),
    named('MaxRetriesPerRequestError'),
    new Error("Stream isn't writeable and enableOfflineQueue options is false"),
    new Error('Connection is closed.'),
    new Error('Command timed out'),
    new Error("Cluster isn't ready and enableOfflineQueue options is false"),
    new Error(
      'Too many Cluster redirections. Last error: ReplyError: TRYAGAIN Multiple keys request during rehashing of slot',
    ),
    new Error('timeout exceeded when trying to connect'),
    new Error('LOADING Redis is loading the dataset in memory'),
    new Error('chunk not written', { cause: withCode('ECONNRESET') }),
    new AggregateError([withCode('ECONNREFUSED')]),
  ])('sees an outage in %s', (error) => {
    expect(isUnavailable(error)).toBe(true);
  });

  it.each([new Error('boom'), withCode('23505'), 'Connection is closed', undefined, new Error('x', { cause: 'y' })])(
    'sees none in %s',
    (error) => {
      expect(isUnavailable(error)).toBe(false);
    },
  );

  it('ends with a cause that goes round', () => {
    const error = new Error('boom');
    error.cause = error;
    expect(isUnavailable(error)).toBe(false);
  });
});
