import { BATCH_STATUSES } from '#domain';
import type { Journal } from './journal.js';
import { FAULT_KINDS } from './fault-kinds.js';
import type { Run } from './run.js';
import type { Listed } from './answer.js';

export interface Circumstances {
  seed: number;
  minutes: number;
  /** From the last fault until no execution was running, in ms. */
  idleAfterMs: number;
  /** Whether commands were answered only once they were on disk. */
  fromDisk: boolean;
}

/** The result of a run as a table in Markdown. */
export function report(
  { seed, minutes, idleAfterMs, fromDisk }: Circumstances,
  journal: Journal,
  run: Run,
  all: readonly Listed[],
) {
  const faults = new Map(journal.counted('fault'));
  const byStatus = new Map<string, number>();
  for (const { status } of all) byStatus.set(status, (byStatus.get(status) ?? 0) + 1);
  const rows: [string, string | number][] = [
    ['seed, minutes', `${seed}, ${minutes}`],
    ...Object.keys(FAULT_KINDS).map((kind): [string, number] => [kind, faults.get(kind) ?? 0]),
    ['**faults**', sum(faults.values())],
    ...journal.counted('command').toSorted(),
    ['**commands**', sum(journal.counted('command').map(([, times]) => times))],
    ['instances', run.tasks.all.length],
    ...BATCH_STATUSES.filter((status) => byStatus.has(status)).map((status): [string, number] => [
      `executions ${status}`,
      byStatus.get(status) ?? 0,
    ]),
    ['**executions**', all.length],
    ['instances verified', journal.total('verified')],
    ['rows verified', journal.total('rows')],
    ...journal.counted('noted'),
    ['deaths of Redis', run.history.losses],
    ['acknowledged from', fromDisk ? 'disk' : 'memory'],
    ['at rest after the last fault', `${(idleAfterMs / 1_000).toFixed(1)} s`],
    ['**violations**', journal.violations.length],
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  const lines = rows.map(([name, value]) => `| ${name.padEnd(width)} | ${String(value).padStart(12)} |`);
  return [
    `| ${'what'.padEnd(width)} | ${'how many'.padStart(12)} |`,
    `| ${'-'.repeat(width)} | ${'-'.repeat(11)}: |`,
    ...lines,
  ].join('\n');
}

const sum = (values: Iterable<number>): number => [...values].reduce((total, value) => total + value, 0);
