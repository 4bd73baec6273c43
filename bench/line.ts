import type { Bench } from './bench.js';
import { median } from './statistics.js';

/** One round: ours and, where there is one, its yardstick, measured one after the other on the same machine. */
export interface Sample {
  ours: number;
  yardstick?: number;
}

/** What is judged: ours divided by the yardstick, or ours itself. */
export interface Wanted {
  of: 'ratio' | 'ours';
  atLeast?: number;
  atMost?: number;
}

/** One line of the table. */
export interface Line {
  /** Its name on the command line: `npm run bench -- import`. */
  name: string;
  /** What is measured. */
  title: string;
  /** What ours is compared with; absent where there is nothing to compare with. */
  yardstick?: string;
  unit: string;
  wanted: Wanted;
  /** One sample a round, at least one. */
  measure(bench: Bench): Promise<Sample[]>;
}

/** A line with its result. */
export interface Result {
  name: string;
  title: string;
  yardstickTitle: string | undefined;
  unit: string;
  wanted: Wanted;
  /** Medians over the rounds. */
  ours: number;
  yardstick: number | undefined;
  /** Median of the rounds' ratios, which a machine that slows down in between hardly changes. */
  ratio: number | undefined;
  met: boolean;
  samples: Sample[];
}

export function resultOf({ name, title, yardstick: yardstickTitle, unit, wanted }: Line, samples: Sample[]): Result {
  const ours = median(samples.map((sample) => sample.ours));
  const yardstick = medianIfAny(samples.map((sample) => sample.yardstick));
  const ratio = medianIfAny(samples.map((sample) => sample.yardstick && sample.ours / sample.yardstick));
  const met = isMet(wanted, (wanted.of === 'ours' ? ours : ratio) ?? NaN);
  return { name, title, yardstickTitle, unit, wanted, ours, yardstick, ratio, met, samples };
}

/** NaN meets nothing. */
export const isMet = ({ atLeast = -Infinity, atMost = Infinity }: Wanted, value: number): boolean =>
  value >= atLeast && value <= atMost;

function medianIfAny(values: readonly (number | undefined)[]): number | undefined {
  const present = values.filter((value) => value !== undefined);
  return present.length === 0 ? undefined : median(present);
}
