import { parseArgs } from 'node:util';
import type { Line } from './line.js';
import { LINES } from './registry.js';
import { FULL, QUICK, type Sizes } from './sizes.js';

/** What the command line asks for. */
export interface Asked {
  lines: readonly Line[];
  sizes: Sizes;
  /** The pictures of docs/plots instead of the table. */
  plots: boolean;
  /** Results as JSON, not as a table. */
  json: boolean;
}

const PLOTS = 'plots';

/** @throws Error naming the lines that there are, if one is asked for that is not there */
export function readAsked(args: readonly string[]): Asked {
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
