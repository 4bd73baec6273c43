import type { DatabaseMark, Log } from '#job-kit';
import { jobCode } from './job-code.js';
import { sinksOf, type SinkAccess, type Sinks } from './sinks.js';
import type { ControlledExecution, DatabaseStore, Seal } from './store.port.js';

export interface DatabaseWatchParts {
  store: DatabaseStore;
  sinks: Sinks;
  log: Log;
}

/** Notices a database that was put back to an older state, and marks the COMPLETED executions whose rows it has lost. */
export class DatabaseWatch {
  constructor(private readonly parts: DatabaseWatchParts) {}

  /** Has every database of an execution note that it has COMPLETED. */
  async seal(execution: ControlledExecution): Promise<Seal[]> {
    const seals: Seal[] = [];
    for (const sink of sinksOf(this.parts.sinks, execution)) {
      await this.look(sink);
      seals.push({ ledger: sink.ledger.name, ...(await jobCode(() => sink.ledger.seal(execution))) });
    }
    return seals;
  }

  /** What is known is read first: others may seal meanwhile, and a mark only grows. */
  async look({ ledger }: SinkAccess = this.parts.sinks.own): Promise<void> {
    const { store, log } = this.parts;
    const known = await store.knownMark(ledger.name);
    if (!known) return;
    const now = await jobCode(() => ledger.mark());
    if (!wentBack(known, now)) return;
    let executions = 0;
    for (let marked = 1; marked > 0; executions += marked) marked = await store.databaseWentBack(ledger.name, now);
    log.error(
      'The database was put back to an older state: executions that had COMPLETED since are marked. Verify them.',
      {
        database: ledger.name,
        executions,
      },
    );
  }
}

const wentBack = (known: DatabaseMark, now: DatabaseMark): boolean =>
  known.database !== now.database || now.mark < known.mark;
