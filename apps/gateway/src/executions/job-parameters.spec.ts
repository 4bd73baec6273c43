import { describe, expect, it } from 'vitest';
import { idempotencyKeyErrors } from './idempotency-key.js';
import { jobParameterErrors, jobParametersOf, LONGEST_VALUE, MOST_PARAMETERS } from './job-parameters.js';

const badOnes = (given: unknown) => jobParameterErrors(given).map(({ field }) => field);

describe('job parameters', () => {
  it('become strings', () => {
    const given = { source: 'a.ndjson', commitInterval: 5, dryRun: true };
    expect(badOnes(given)).toEqual([]);
    expect(jobParametersOf(given)).toEqual({ source: 'a.ndjson', commitInterval: '5', dryRun: 'true' });
  });

  it('are refused by name, all bad ones at once', () => {
    const given = { a: null, b: [1], c: {}, '2d': 'x', 'e f': 'x', g: 'x'.repeat(LONGEST_VALUE + 1), h: 'fine' };
    expect(badOnes(given)).toEqual(['a', 'b', 'c', '2d', 'e f', 'g']);
  });

  it('are refused when too many', () => {
    const names = Array.from({ length: MOST_PARAMETERS + 1 }, (_, i) => [`p${i}`, 1]);
    expect(badOnes(Object.fromEntries(names))).toEqual(['jobParameters']);
    expect(badOnes(Object.fromEntries(names.slice(1)))).toEqual([]);
  });
});

describe('the idempotency key', () => {
  it.each(['', 'a\tb', 'é', 'x'.repeat(256)])('%j is refused', (key) => {
    expect(idempotencyKeyErrors({ 'idempotency-key': key })).toHaveLength(1);
  });

  it.each([undefined, 'k', 'x'.repeat(255), '8e03978e-40d5-43e8-bc93-6894a57f9324'])('%j is taken', (key) => {
    expect(idempotencyKeyErrors({ 'idempotency-key': key })).toEqual([]);
  });
});
