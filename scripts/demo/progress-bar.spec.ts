import { describe, expect, it } from 'vitest';
import { progressLine } from './progress-bar.js';

describe('progressLine', () => {
  it('says that the work is being planned while nothing is known', () => {
    expect(progressLine({ done: 0, total: 0, rowsPerSecond: undefined, leftMs: undefined })).toBe('planning …');
  });

  it('shows the bar, the rows, the speed and the time left', () => {
    expect(progressLine({ done: 25_000, total: 50_000, rowsPerSecond: 9_999.6, leftMs: 2_400 })).toBe(
      `[${'█'.repeat(15)}${'░'.repeat(15)}]  50 %  25,000 / 50,000 rows  10,000 rows/s  3 s left`,
    );
  });

  it('never shows more than everything', () => {
    const line = progressLine({ done: 11, total: 10, rowsPerSecond: undefined, leftMs: undefined });
    expect(line).toContain('100 %');
    expect(line).not.toContain('░');
  });

  it('does not round up to the whole before it is there', () => {
    expect(progressLine({ done: 999, total: 1_000, rowsPerSecond: undefined, leftMs: undefined })).toContain(' 99 %');
  });
});
