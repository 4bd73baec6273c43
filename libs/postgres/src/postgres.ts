import type { Gate, Ledger, Log, TransactionalSink } from '#job-kit';
import { rethrow } from './errors.js';
import { gateOf } from './gate.js';
import type { ItemTable } from './item-table.js';
import { ledgerOf, totalsByKind } from './ledger.js';
import { migrate, type MigrationSet } from './migrate.js';
import { SINK_MIGRATIONS } from './migrations.js';
import { attemptPool, controlPool } from './pools.js';
import { postgresSink } from './sink.js';

export interface PostgresOptions {
  /** PostgreSQL's address. The same user everywhere: only then may one process end another's connection. No pooler in transaction mode. */
  databaseUrl: string;
  /** Attempts at partitions side by side in this process, each on a connection of its own: 1 and up. Two more connections serve the rest. */
  maxConnections: number;
  log: Log;
  /** What the ledger calls the database. Default `postgres`. */
  name?: string;
}

/** A database to write to, exactly once. Where a repeat may help, its methods throw a TransientError. */
export interface Postgres {
  /** Brings the schema up to date: what the sink needs, then these. Safe in many processes at once. */
  migrate(...sets: readonly MigrationSet[]): Promise<void>;
  /** A sink for a kind of item. All sinks of the database share gate and ledger. */
  sinkFor<O>(table: ItemTable<O>): TransactionalSink<O>;
  readonly gate: Gate;
  readonly ledger: Ledger;
  /** Items accepted in a step, in all executions of the instance, by kind, sorted by it. */
  totalsByKind(instanceUuid: string, stepName: string): Promise<Record<string, number>>;
  /** @throws if the database does not answer */
  ping(): Promise<void>;
  /** Closes every connection that is not in use; resolves once attempts have released theirs. */
  close(): Promise<void>;
}

/** Opens no connection yet. */
export function openPostgres(options: PostgresOptions): Postgres {
  const attempts = attemptPool(options, options.maxConnections);
  const control = controlPool(options);
  const migrateAll = (...sets: readonly MigrationSet[]) => migrate(options, [SINK_MIGRATIONS, ...sets]);
  const gate = gateOf(control, migrateAll);
  const ledger = ledgerOf(control, options.name ?? 'postgres');
  return {
    migrate: migrateAll,
    sinkFor: (table) => ({ ...postgresSink(attempts, table), gate, ledger }),
    gate,
    ledger,
    totalsByKind: (instanceUuid, stepName) => totalsByKind(control, instanceUuid, stepName),
    ping: async () => {
      await control.query(PING).catch(rethrow);
    },
    close: async () => {
      await Promise.all([attempts.end(), control.end()]);
    },
  };
}

/** Whether the database answers must be known soon, in ms, and may not keep the connections from the gates. */
const PING = { text: 'SELECT 1', query_timeout: 3_000 };
