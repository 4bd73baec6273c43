import { TransientError, UnavailableError } from '#job-kit';
import { DatabaseError } from 'pg';
import { describe, expect, it } from 'vitest';
import { classified } from './errors.js';

const networkError = (code: string) => Object.assign(new Error(`connect ${code}`), { code });
const answer = (code: string) => Object.assign(new DatabaseError(`told as ${code}`, 1, 'error'), { code });

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
    new Error('Client has encountered a connection error and is not queryable'),
    ...['08006', '57P01', '57P02', '57P03', '53300', '3D000'].map(answer),
    Object.assign(answer('55000'), { severity: 'FATAL' }),
  ])('takes "$message" for a database that is unavailable', (error) => {
    expect(classified(error)).toBeInstanceOf(UnavailableError);
    expect(classified(error).message).toBe(error.message);
  });

  it.each([
    networkError('EMFILE'),
    new Error('Query read timeout'),
    ...['40001', '40P01', '53100', '55P03', '57014', '25P03', '25006'].map(answer),
  ])('takes "$message" for transient, in a database that is available', (error) => {
    expect(classified(error)).toBeInstanceOf(TransientError);
    expect(classified(error)).not.toBeInstanceOf(UnavailableError);
    expect(classified(error).message).toBe(error.message);
  });

  it.each([
    new TypeError('x is not a function'),
    new RangeError('too long'),
    networkError('ENOENT'),
    ...['22003', '23505', '42P01', '55000'].map(answer),
  ])('lets "$message" pass as it is', (error) => {
    expect(classified(error)).toBe(error);
  });

  it('wraps a failure once', () => {
    const once = classified(new Error('Query read timeout'));
    expect(classified(once)).toBe(once);
  });
});
