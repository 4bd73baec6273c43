import { median } from '../statistics.js';
import type { Measured } from './measure.js';

/** One line, measured once in each commit, one right after the other. */
export interface Round {
  a: Measured;
  b: Measured;
}

/** A row of the table in Markdown: both medians, and b ÷ a as the median of the rounds (least–most). */
export function rowOf(line: string, rounds: readonly Round[]): string {
  const [first] = rounds;
  const missing = (['a', 'b'] as const).filter((side) => first?.[side] === undefined);
  if (!first || missing.length > 0) return cells(line, '–', '–', `not in ${missing.join(' and ')}`);
  const valuesOf = (side: keyof Round) => rounds.map((round) => round[side]?.ours ?? NaN);
  const unit = first.b?.unit ?? '';
  const ratios = rounds.map(({ a, b }) => (b?.ours ?? NaN) / (a?.ours ?? NaN));
  const range = `(${Math.min(...ratios).toFixed(2)}–${Math.max(...ratios).toFixed(2)})`;
  const shown = (side: keyof Round) =>
    `${Number(median(valuesOf(side)).toPrecision(4)).toLocaleString('en-US')} ${unit}`;
  return cells(line, shown('a'), shown('b'), `${median(ratios).toFixed(2)} ${range}`);
}

export const header = (a: string, b: string): string =>
  [cells('line', `a: ${a}`, `b: ${b}`, 'b ÷ a'), cells('---', '---', '---', '---')].join('\n');

const cells = (...texts: string[]): string => `| ${texts.join(' | ')} |`;
