import { cpus, loadavg, totalmem } from 'node:os';
import type { Result, Sample, Wanted } from './line.js';

/** Where and when it was measured. */
export interface Circumstances {
  date: string;
  machine: string;
  /** Load average of the last minute before the bench started: above 0.5 or so, other work affects the result. */
  load: number;
  node: string;
  command: string;
}

export const circumstances = (args: readonly string[]): Circumstances => ({
  date: new Date().toISOString(),
  machine: `${cpus().length} × ${cpus()[0]?.model.trim() ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GiB, ${process.platform} ${process.arch}`,
  load: loadavg()[0] ?? NaN,
  node: process.version,
  command: ['npm run bench', ...(args.length > 0 ? ['--', ...args] : [])].join(' '),
});

/** The line above a table. */
export const headline = ({ machine, load, date, command }: Circumstances): string =>
  `${machine}, load ${load.toFixed(1)}; ${date}; ${command}`;

const HEADINGS = ['line', 'ours', 'yardstick', 'ratio', 'wanted', 'met'] as const;

/** The results as a table in Markdown. */
export function table(results: readonly Result[]): string {
  const rows = [HEADINGS, HEADINGS.map(() => '---'), ...results.map(cells)];
  const widths = HEADINGS.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) => `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`).join('\n');
}

const cells = ({
  name,
  title,
  ours,
  yardstick,
  yardstickTitle,
  ratio,
  unit,
  wanted,
  met,
  samples,
}: Result): string[] => [
  `${name}: ${title}`,
  `${figure(ours)} ${unit}`,
  yardstick === undefined ? '–' : `${figure(yardstick)} (${yardstickTitle})`,
  ratio === undefined ? '–' : `${ratio.toFixed(2)} (${ratioRange(samples)})`,
  wantedText(wanted),
  met ? 'yes' : 'NO',
];

/** The least and the most of the rounds' ratios: where they are far apart, the machine was busy with other work. */
function ratioRange(samples: readonly Sample[]): string {
  const ratios = samples.flatMap(({ ours, yardstick }) => (yardstick === undefined ? [] : ours / yardstick));
  return `${Math.min(...ratios).toFixed(2)}–${Math.max(...ratios).toFixed(2)}`;
}

const wantedText = ({ atLeast, atMost }: Wanted): string =>
  atLeast === undefined ? `at most ${atMost}` : `at least ${atLeast}`;

/** Three significant digits, and thousands separated. */
const figure = (value: number): string =>
  value >= 100 ? Math.round(value).toLocaleString('en-US') : String(Number(value.toPrecision(3)));
