import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EXIT_CODES, exitCodeOf, worseExitCode } from './exit-status.js';
import { BATCH_STATUSES } from './status.js';

const anyCode = fc.constantFrom(...EXIT_CODES, 'OWN', 'OTHER');
const known = EXIT_CODES.flatMap((a) => EXIT_CODES.map((b) => [a, b] as const));

describe('worseExitCode', () => {
  it.each(known)('of %s and %s is the later one in EXECUTING COMPLETED NOOP STOPPED FAILED UNKNOWN', (a, b) => {
    const order = 'EXECUTING COMPLETED NOOP STOPPED FAILED UNKNOWN'.split(' ');
    expect(worseExitCode(a, b)).toBe(order[Math.max(order.indexOf(a), order.indexOf(b))]);
  });

  it("takes a job's own code for worse than all of ours", () => {
    for (const code of EXIT_CODES) {
      expect(worseExitCode(code, 'OWN')).toBe('OWN');
      expect(worseExitCode('OWN', code)).toBe('OWN');
    }
  });

  it('takes the first of two own codes', () => {
    expect(worseExitCode('OWN', 'OTHER')).toBe('OWN');
  });

  it('gives the same worst of many, however they are grouped', () => {
    fc.assert(
      fc.property(anyCode, anyCode, anyCode, (a, b, c) => {
        expect(worseExitCode(worseExitCode(a, b), c)).toBe(worseExitCode(a, worseExitCode(b, c)));
      }),
    );
  });
});

it('gives each status its exit code', () => {
  expect(Object.fromEntries(BATCH_STATUSES.map((status) => [status, exitCodeOf(status)]))).toEqual({
    STARTING: 'EXECUTING',
    STARTED: 'EXECUTING',
    STOPPING: 'EXECUTING',
    STOPPED: 'STOPPED',
    FAILED: 'FAILED',
    COMPLETED: 'COMPLETED',
    ABANDONED: 'UNKNOWN',
    UNKNOWN: 'UNKNOWN',
  });
});
