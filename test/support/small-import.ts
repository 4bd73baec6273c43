import type { TestDatabase } from './database.js';
import { Endpoint, type ExecutionView } from './endpoint.js';
import type { Fleet } from './fleet.js';
import { ndjson, numbered, writeSource, type Resource } from './resources.js';
import { logWrites, timesWritten } from '../testbed/write-log.js';
import { rowsOf, storedRows } from './stored.js';

export const IMPORT = 'bulkImportJob';

const SOURCE = 'small.ndjson';
const CHUNK = 50;
const ROWS_PER_PARTITION = 250;

/** The part of a view that does not depend on which worker did the work and in what order. */
export function account({ status, running, exitStatus, recordWriteCount, ...view }: ExecutionView) {
  const { counts, progress, results, failures, stepExecutions } = view;
  return {
    told: { status, running, exitStatus, recordWriteCount, counts, progress, results, failures },
    steps: stepExecutions
      .map((step) => ({ stepName: step.stepName, status: step.status, exitCode: step.exitCode, counts: step.counts }))
      .toSorted((a, b) => (a.stepName < b.stepName ? -1 : 1)),
  };
}

/** An import of a few thousand rows in several partitions, whose table can be compared with its source. */
export class SmallImport {
  readonly resources: readonly Resource[];
  readonly parameters = { source: SOURCE, commitInterval: CHUNK, rowsPerPartition: ROWS_PER_PARTITION };

  private constructor(
    private readonly endpoint: Endpoint,
    /** The database that the fleet writes to. */
    readonly database: TestDatabase,
    rows: number,
  ) {
    this.resources = numbered('small', rows);
  }

  /** Writes the source, and has the database log every write. Needs a worker that has migrated the schema. */
  static async prepare(
    fleet: Fleet,
    rows = 2_000,
    database = fleet.database,
    endpoint = Endpoint.of(fleet),
  ): Promise<SmallImport> {
    const small = new SmallImport(endpoint, database, rows);
    writeSource(fleet.importDirectory, SOURCE, ndjson(small.resources));
    await logWrites(database);
    return small;
  }

  /** Empties the table. */
  async empty(): Promise<void> {
    await this.database.query('TRUNCATE resource, write_log');
  }

  /** Begins it on the table as it is. @returns the execution's number */
  async begin(): Promise<number> {
    return this.endpoint.start(IMPORT, this.parameters);
  }

  /** Empties the table and begins. @returns the execution's number */
  async start(): Promise<number> {
    await this.empty();
    return this.begin();
  }

  ended(id: number, withinMs?: number): Promise<ExecutionView> {
    return this.endpoint.ended(IMPORT, id, withinMs);
  }

  /** Waits until the view counts so many rows as written. */
  async under(id: number, rows: number): Promise<ExecutionView> {
    return this.endpoint.until(`${rows} rows`, IMPORT, id, ({ recordWriteCount }) => recordWriteCount >= rows);
  }

  /** Its outcome: its account, the missing and the surplus rows of the table, and how often rows were written. */
  async outcome(view: ExecutionView) {
    const stored = await storedRows(this.database);
    const source = rowsOf(this.resources);
    const written: Record<number, number> = {};
    for (const times of await timesWritten(this.database, this.resources)) written[times] = (written[times] ?? 0) + 1;
    return {
      ...account(view),
      table: {
        rows: stored.length,
        missing: source.length - common(source, stored),
        surplus: strangers(source, stored),
      },
      /** How many rows were written how often. */
      written,
    };
  }

  /** Its outcome if it is not disturbed: COMPLETED, and each row of the source written once. */
  async undisturbed() {
    const outcome = await this.outcome(await this.ended(await this.start()));
    if (outcome.told.status !== 'COMPLETED') throw new Error(`Undisturbed, it is ${JSON.stringify(outcome.told)}.`);
    const rows = this.resources.length;
    return { ...outcome, table: { rows, missing: 0, surplus: [] }, written: { 1: rows } };
  }
}

/** How many rows two sorted lists have in common, as multisets. */
const common = (source: readonly string[], stored: readonly string[]): number =>
  stored.length - strangers(source, stored).length;

/** What is stored and is not in the source, or too often: as multisets. */
function strangers(source: readonly string[], stored: readonly string[]): string[] {
  const left = new Map<string, number>();
  for (const row of source) left.set(row, (left.get(row) ?? 0) + 1);
  return stored.filter((row) => {
    const times = left.get(row) ?? 0;
    left.set(row, times - 1);
    return times < 1;
  });
}
