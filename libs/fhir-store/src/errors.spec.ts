import { TransientError } from '#job-kit';
import { describe, expect, it } from 'vitest';
import { classified } from './errors.js';

const networkError = (code: string) => Object.assign(new Error(`connect ${code}`), { code });

describe('classified', () => {
  it.each([
    networkError('ECONNREFUSED'),
    networkError('ECONNRESET'),
    networkError('EPIPE'),
    networkError('ETIMEDOUT'),
    networkError('EAI_AGAIN'),
    // What pg says by itself.
    new Error('Connection terminated unexpectedly'),
    new Error('Connection terminated due to connection timeout'),
    new Error('timeout exceeded when trying to connect'),
    new Error('Query read timeout'),
    new Error('Client has encountered a connection error and is not queryable'),
  ])('takes "$message" for transient', (error) => {
    expect(classified(error)).toBeInstanceOf(TransientError);
    expect(classified(error).message).toBe(error.message);
  });

  it.each([new TypeError('x is not a function'), new RangeError('too long'), networkError('ENOENT')])(
    'lets "$message" pass as it is',
    (error) => {
      expect(classified(error)).toBe(error);
    },
  );
});
