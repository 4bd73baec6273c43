import { expect, it } from 'vitest';
import { rowOf } from './table.js';

const of = (ours: number) => ({ ours, unit: 'rows/s' });

it('shows both medians and the median of the ratios of the rounds, with the least and the most', () => {
  const rounds = [
    { a: of(1_000), b: of(2_000) },
    { a: of(2_000), b: of(3_000) },
    { a: of(4_000), b: of(4_400) },
  ];
  expect(rowOf('import', rounds)).toBe('| import | 2,000 rows/s | 3,000 rows/s | 1.50 (1.10–2.00) |');
});

it.each([
  ['a', { a: undefined, b: of(1) }],
  ['b', { a: of(1), b: undefined }],
  ['a and b', { a: undefined, b: undefined }],
])('says that a line is missing in %s', (where, round) => {
  expect(rowOf('new-line', [round])).toBe(`| new-line | – | – | not in ${where} |`);
});
