import type { Stored, StoredRow } from './stored.js';
import type { Listed, Viewed } from './answer.js';
import type { NoopShape } from './plan.js';
import type { Expected } from './source.js';

/** Times of two processes are compared, each rounded to whole ms. */
const CLOCK_MS = 2;

export interface ImportFacts {
  expected: Expected;
  /** Newest first. */
  executions: readonly Listed[];
  /** The same, each by itself; the newest has COMPLETED. */
  views: readonly Viewed[];
  stored: Stored;
}

/** What is wrong with an import that has COMPLETED; empty if nothing is. */
export function faultsOfImport({ expected, executions, views, stored }: ImportFacts): string[] {
  const { resources, validRows, rejected } = expected;
  const [newest] = views;
  if (!newest) return ['it has no execution'];
  const { rows, partitions } = newest.progress;
  // They are in the execution that has run the last step; one that was force-stopped after that skips the step.
  const totals = views.map(({ results }) => results['totalsByResourceType']).find((found) => found !== undefined);
  const lostWriters = hasLostWriters(stored, executions);
  const total = executions.reduce((sum, { recordWriteCount }) => sum + recordWriteCount, 0);
  return [
    ...faultsOfRows(resources, stored.rows),
    ...faultsOfWriting(executions, stored, validRows - resources.size),
    ...unless(sameList(stored.rejected.toSorted(), rejected) || lostWriters, () => [
      `its rejected rows are [${stored.rejected.toSorted().join(', ')}], and should be [${rejected.join(', ')}]`,
    ]),
    ...unless(partitions.done === partitions.total, () => [
      `${partitions.done} of ${partitions.total} partitions done`,
    ]),
    ...unless(total === validRows || lostWriters, () => [
      `its executions count ${total} rows (${executions.map((e) => `${e.id}: ${e.recordWriteCount}`).join(', ')}), the source has ${validRows}`,
    ]),
    ...unless((rows.done === rows.total && rows.total === validRows + rejected.length) || lostWriters, () => [
      `its progress reads ${rows.done} of ${rows.total} rows, the source has ${validRows + rejected.length}`,
    ]),
    ...unless(sameTotals(totals, validRows), () => [
      `its totals are ${JSON.stringify(totals)}, the source has ${validRows} of Basic`,
    ]),
  ];
}

/**
 * What holds of what an import has written whatever became of it: no row was written twice, each execution counts what
 * it has written, and none wrote after a later one had STARTED.
 *
 * @param repeated how many rows have an id that is repeated: one that loses against a later row need not be handed to the
 *   table, and is counted
 */
export function faultsOfWriting(executions: readonly Listed[], stored: Stored, repeated: number): string[] {
  const written = new Map(stored.written.map((entry) => [entry.executionUuid, entry]));
  const faults = stored.doubled.map((id) => `row ${id} was written more than once`);
  const unnamed = written.get(null)?.rows ?? 0;
  if (unnamed > 0) faults.push(`${unnamed} rows were written by a connection that has no execution's name`);
  for (const [index, execution] of executions.entries()) {
    const mine = written.get(execution.executionUUID);
    const rows = mine?.rows ?? 0;
    const unseen = execution.recordWriteCount - rows;
    if (!execution.running && (unseen < 0 || unseen > repeated)) {
      faults.push(
        `execution ${execution.id} (${execution.status}) counts ${execution.recordWriteCount} rows, and wrote ${rows}`,
      );
    }
    for (const later of executions.slice(0, index)) {
      const since = later.startTime === undefined ? Infinity : Date.parse(later.startTime);
      if (mine && mine.last > since + CLOCK_MS) {
        faults.push(
          `execution ${execution.id} wrote ${Math.round(mine.last - since)} ms after execution ${later.id} had STARTED`,
        );
      }
    }
  }
  return faults;
}

/** Whether an execution that Redis has lost has written rows: they stay, and no execution counts them. */
const hasLostWriters = ({ written }: Stored, executions: readonly Listed[]): boolean =>
  written.some(({ executionUuid }) => !executions.some(({ executionUUID }) => executionUUID === executionUuid));

/**
 * What is wrong with a noop job that has COMPLETED. Without a transaction a chunk may be done twice, but at least once.
 *
 * @param views of its executions, newest first; the newest has COMPLETED
 */
export function faultsOfNoop({ partitions, chunks }: NoopShape, views: readonly Viewed[]): string[] {
  const [newest] = views;
  if (!newest) return ['it has no execution'];
  const total = views.reduce((sum, { recordWriteCount }) => sum + recordWriteCount, 0);
  const { done } = newest.progress.partitions;
  return [
    ...unless(total >= partitions * chunks, () => [`its executions count ${total} chunks of ${partitions * chunks}`]),
    ...unless(done === partitions, () => [`${done} of ${partitions} partitions done`]),
    ...faultsOfVersion(newest, views),
  ];
}

/**
 * The last step is of version 2 alone. An execution of that version has run it, or skips it since an earlier execution has
 * (that was stopped between this step's end and its own); one of version 1 never has.
 */
function faultsOfVersion(newest: Viewed, views: readonly Viewed[]): string[] {
  const right = newest.jobVersion === '2' ? views.some(hasClosed) : !hasClosed(newest);
  return unless(right, () => [`it is of version ${newest.jobVersion}, and has run ${views.map(stepsOf).join('; ')}`]);
}

const stepsOf = ({ id, jobVersion, stepExecutions }: Viewed): string =>
  `${id} (version ${jobVersion}): [${stepExecutions.map(({ stepName, status }) => `${stepName} ${status}`).join(', ')}]`;

const hasClosed = ({ stepExecutions }: Viewed): boolean =>
  stepExecutions.some(({ stepName, status }) => stepName === 'noopCloseStep' && status === 'COMPLETED');

function faultsOfRows(resources: ReadonlyMap<string, string>, rows: readonly StoredRow[]): string[] {
  const stored = new Map(rows.map((row) => [row.id, row]));
  const missing = [...resources.keys()].filter((id) => !stored.has(id));
  const strange = rows.filter(({ id, version, body }) => version !== 1 || !sameJson(body, resources.get(id)));
  return [
    ...unless(missing.length === 0, () => [`${missing.length} rows are missing: ${missing.slice(0, 5).join(', ')} …`]),
    ...unless(strange.length === 0, () => [
      `${strange.length} rows are not the source's: ${JSON.stringify(strange[0])} …`,
    ]),
  ];
}

/** jsonb keeps no order of keys; the resources here are flat. */
function sameJson(body: unknown, json: string | undefined): boolean {
  if (json === undefined || typeof body !== 'object' || body === null) return false;
  const wanted = Object.entries(JSON.parse(json) as object);
  const found = body as Record<string, unknown>;
  return Object.keys(found).length === wanted.length && wanted.every(([key, value]) => found[key] === value);
}

const sameList = (a: readonly string[], b: readonly string[]): boolean => a.join() === b.join();

const sameTotals = (totals: unknown, rows: number): boolean =>
  JSON.stringify(totals) === JSON.stringify({ Basic: rows });

const unless = (right: boolean, faults: () => string[]): string[] => (right ? [] : faults());
