import { parseArgs } from 'node:util';
import type { Line } from './line.js';
import { LINES } from './registry.js';
import { FULL, QUICK, type Sizes } from './sizes.js';

/** The command line of `npm run bench`. */
export interface BenchOptions {
  lines: readonly Line[];
  sizes: Sizes;
  /** Draw the pictures of docs/plots instead of measuring lines. */
  plots: boolean;
  /** Print the results as JSON, not as a table. */
  json: boolean;
}

const PLOTS = 'plots';

/** @throws Error listing the lines that exist, if another one is named */
export function readOptions(args: readonly string[]): BenchOptions {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { quick: { type: 'boolean', default: false }, json: { type: 'boolean', default: false } },
  });
  const sizes = values.quick ? QUICK : FULL;
  if (positionals.includes(PLOTS)) return { lines: [], plots: true, sizes, json: values.json };
  const unknown = positionals.find((name) => !LINES.some((line) => line.name === name));
  if (unknown !== undefined) {
    throw new Error(`There is no line ${unknown}. There are: ${LINES.map(({ name }) => name).join(', ')}.`);
  }
  const lines = LINES.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
  return { lines, plots: false, sizes, json: values.json };
}
