import type { Log, TransactionalSink } from '#job-kit';
import type { Pool } from 'pg';
import { classified } from './errors.js';
import type { FhirRow } from './fhir/fhir-row.js';
import { resourceTable } from './fhir/resource-table.js';
import { gatesOf, type Gates } from './gates.js';
import { ledgerOf, type Ledger } from './ledger.js';
import { migrate } from './migrate.js';
import { attemptPool, controlPool } from './pools.js';
import type { ItemTable } from './sink/item-table.js';
import { postgresSink } from './sink/postgres-sink.js';

export interface FhirStoreOptions {
  /** PostgreSQL's address. The same user everywhere: only then may one process end another's connection. No pooler in transaction mode. */
  databaseUrl: string;
  /** Attempts at partitions side by side in this process, each on a connection of its own: 1 and up. Two more connections serve the rest. */
  maxConnections: number;
  log: Log;
}

/** A module's database. Whatever may help itself by a repeat is thrown as TransientError. */
export interface FhirStore {
  /** Brings the schema up to date. Safe in many processes at once. */
  migrate(): Promise<void>;
  /** Writes FHIR resources, exactly once. */
  readonly sink: TransactionalSink<FhirRow>;
  /** A sink for another kind of item, with the same promises. */
  sinkFor<O>(table: ItemTable<O>): TransactionalSink<O>;
  readonly gates: Gates;
  readonly ledger: Ledger;
  /** Resources accepted in all executions of the instance, by resource type, sorted by it. */
  totalsByResourceType(instanceUuid: string): Promise<Record<string, number>>;
  /** @throws if the database does not answer */
  ping(): Promise<void>;
  /** Closes every connection that is not in use; resolves once attempts have released theirs. */
  close(): Promise<void>;
}

/** Opens no connection yet. */
export function openFhirStore(options: FhirStoreOptions): FhirStore {
  const attempts = attemptPool(options, options.maxConnections);
  const control = controlPool(options);
  const bringUpToDate = () => migrate(options.databaseUrl, options.log);
  return {
    migrate: bringUpToDate,
    sink: postgresSink(attempts, resourceTable()),
    sinkFor: (table) => postgresSink(attempts, table),
    gates: gatesOf(control, bringUpToDate),
    ledger: ledgerOf(control),
    totalsByResourceType: (instanceUuid) => totals(control, instanceUuid),
    ping: async () => {
      await control.query(PING).catch(rethrow);
    },
    close: async () => {
      await Promise.all([attempts.end(), control.end()]);
    },
  };
}

/** Whether the database is there must be known soon, in ms, and may not keep the connections from the gates. */
const PING = { text: 'SELECT 1', query_timeout: 3_000 };

const TOTALS = `
  SELECT key AS kind, sum(value::bigint)::float8 AS total
  FROM partition_checkpoint, jsonb_each_text(tally)
  WHERE instance_uuid = $1 GROUP BY key ORDER BY key COLLATE "C"`;

async function totals(pool: Pool, instanceUuid: string): Promise<Record<string, number>> {
  const { rows } = await pool.query<{ kind: string; total: number }>(TOTALS, [instanceUuid]).catch(rethrow);
  return Object.fromEntries(rows.map(({ kind, total }) => [kind, total]));
}

function rethrow(error: unknown): never {
  throw classified(error);
}
