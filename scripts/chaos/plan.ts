import { chanceFrom, type Chance } from '../sample/random.js';
import { DRAWN_FAULTS, RARE_FAULTS, type FaultKind, type FaultName } from './fault-kinds.js';

/** A fault to inject, `at` ms after the beginning. */
export interface PlannedFault {
  at: number;
  kind: FaultName;
  target: string;
  /** How long it lasts, in ms. */
  forMs: number;
}

/** An import to start. */
export interface ImportShape {
  job: 'bulkImportJob';
  /** Rows of each file, including the bad ones; every other file is compressed. */
  files: readonly number[];
  /** Rows that are not valid JSON, spread evenly. */
  badRows: number;
  skipLimit: number;
  commitInterval: number;
  rowsPerPartition: number;
}

export interface NoopShape {
  job: 'noopJob';
  partitions: number;
  chunks: number;
  busyMs: number;
}

export type TaskShape = ImportShape | NoopShape;

/** Operations on existing executions. */
export const OPERATIONS = ['stop', 'force-stop', 'restart', 'restart-race', 'abandon'] as const;
export type Operation = (typeof OPERATIONS)[number];

/** `choice` picks one of the tasks that are open at that time: at least 0, less than 1. */
export type PlannedCommand = { at: number } & (
  { kind: 'start'; shape: TaskShape } | { kind: Operation; choice: number }
);

/** Everything that a run does; it depends on the seed alone. */
export interface Plan {
  faults: readonly PlannedFault[];
  commands: readonly PlannedCommand[];
}

/** Pauses between two faults and between two commands, in ms. */
const FAULT_PAUSE = [1_500, 5_000] as const;
const COMMAND_PAUSE = [150, 900] as const;
/** The first fault waits until some work is running. */
const FIRST_FAULT_MS = 3_000;

/** Each of these spans has every rare fault once, beginning within these ms of it, so that it ends before the span does. */
const RARE_SPAN_MS = 600_000;
const RARE_WITHIN = [120_000, 360_000] as const;

/** How often each command is drawn, relative to the others. */
const COMMAND_WEIGHTS: Record<'import' | 'failing import' | 'noop' | Operation, number> = {
  import: 6,
  'failing import': 1,
  noop: 3,
  stop: 4,
  'force-stop': 2,
  restart: 8,
  'restart-race': 1,
  abandon: 1,
};

/** The same seed and length give the same plan. Faults, rare ones and commands are drawn independently of each other. */
export function planOf(seed: number, lengthMs: number): Plan {
  return {
    faults: [
      ...timed(chanceFrom(seed), FAULT_PAUSE, FIRST_FAULT_MS, lengthMs, drawFault),
      ...rareFaults(chanceFrom(seed ^ 0x5a5e), lengthMs),
    ].toSorted((a, b) => a.at - b.at),
    commands: [...timed(chanceFrom(seed ^ 0x5eed), COMMAND_PAUSE, 0, lengthMs, drawCommand)],
  };
}

function* timed<T>(
  chance: Chance,
  [shortest, longest]: readonly [number, number],
  from: number,
  until: number,
  draw: (chance: Chance, at: number) => T,
): Generator<T> {
  for (let at = from; at < until; at += chance.between(shortest, longest)) yield draw(chance, at);
}

function drawFault(chance: Chance, at: number): PlannedFault {
  const kind = weighted(
    chance,
    mapValues(DRAWN_FAULTS, ({ weight }) => weight),
  );
  return planned(chance, at, kind, DRAWN_FAULTS[kind]);
}

function* rareFaults(chance: Chance, lengthMs: number): Generator<PlannedFault> {
  for (let from = 0; from + RARE_SPAN_MS <= lengthMs; from += RARE_SPAN_MS) {
    for (const [kind, about] of Object.entries(RARE_FAULTS)) {
      yield planned(chance, from + chance.between(...RARE_WITHIN), kind as FaultName, about);
    }
  }
}

function planned(chance: Chance, at: number, kind: FaultName, { targets, forMs: [shortest, longest] }: FaultKind) {
  return { at, kind, target: chance.pick(targets), forMs: chance.between(shortest, longest) };
}

function drawCommand(chance: Chance, at: number): PlannedCommand {
  const kind = weighted(chance, COMMAND_WEIGHTS);
  switch (kind) {
    case 'import':
      return { at, kind: 'start', shape: drawImport(chance, chance.pick([0, 0, 1, 7]), 10) };
    case 'failing import':
      return { at, kind: 'start', shape: drawImport(chance, chance.between(3, 6), 2) };
    case 'noop':
      return { at, kind: 'start', shape: drawNoop(chance) };
    default:
      return { at, kind, choice: chance.next() };
  }
}

const drawImport = (chance: Chance, badRows: number, skipLimit: number): ImportShape => ({
  job: 'bulkImportJob',
  files: Array.from({ length: chance.between(1, 3) }, () => chance.between(200, 8_000)),
  badRows,
  skipLimit,
  commitInterval: chance.pick([20, 50, 100]),
  rowsPerPartition: chance.pick([150, 400, 1_000]),
});

const drawNoop = (chance: Chance): NoopShape => ({
  job: 'noopJob',
  partitions: chance.between(1, 40),
  chunks: chance.between(1, 20),
  busyMs: chance.pick([0, 1, 10]),
});

function weighted<K extends string>(chance: Chance, weights: Readonly<Record<K, number>>): K {
  const entries = Object.entries(weights) as [K, number][];
  let left = chance.next() * entries.reduce((sum, [, weight]) => sum + weight, 0);
  const found = entries.find(([, weight]) => (left -= weight) < 0) ?? entries.at(-1);
  return (found as [K, number])[0];
}

const mapValues = <K extends string, A, B>(values: Readonly<Record<K, A>>, map: (value: A) => B): Record<K, B> =>
  Object.fromEntries(Object.entries<A>(values).map(([key, value]) => [key, map(value)])) as Record<K, B>;
