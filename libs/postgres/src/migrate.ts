import { Client } from 'pg';
import { rethrow } from './errors.js';
import { CONNECT_MS, type PoolOptions } from './pools.js';

/** One change of the schema. */
export interface SqlMigration {
  /** Kept in `applied_migration` once it has run: never rename, never reorder. */
  id: string;
  sql: string;
}

/** The tables of one package, as the changes that made them. */
export interface MigrationSet {
  /** Names the package in `applied_migration`: unique among the packages of one database, never changed. */
  owner: string;
  /** Oldest first. One that was released is never edited: add another. */
  migrations: readonly SqlMigration[];
}

/** Held until the transaction ends, so that one process migrates and the others find nothing left to do. */
const LOCK = `SELECT pg_advisory_xact_lock(hashtextextended('longshore migrations', 0))`;

const TABLE = `
  CREATE TABLE IF NOT EXISTS applied_migration (
    owner text NOT NULL, id text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (owner, id)
  )`;

/**
 * Brings the schema up to date, in the connection's default schema and in one transaction. Safe to call from many
 * processes at once.
 *
 * @param sets in the order in which they build on each other
 * @throws Error if the search path names no schema that exists; UnavailableError or TransientError where a repeat may help
 */
export async function migrate({ databaseUrl, log }: PoolOptions, sets: readonly MigrationSet[]): Promise<void> {
  const client = new Client({
    connectionString: databaseUrl,
    application_name: 'longshore migrations',
    connectionTimeoutMillis: CONNECT_MS,
  });
  // The pending query reports a lost connection; without a listener the loss would end the process.
  client.on('error', () => undefined);
  try {
    await client.connect();
    const applied = await applyAll(client, sets);
    for (const migration of applied) log.info('Migrated the database', { migration });
  } catch (error) {
    rethrow(error);
  } finally {
    // What is not committed is rolled back by it.
    await client.end();
  }
}

async function applyAll(client: Client, sets: readonly MigrationSet[]): Promise<string[]> {
  await client.query('BEGIN');
  await client.query(LOCK);
  await assertDefaultSchema(client);
  await client.query(TABLE);
  const applied: string[] = [];
  for (const { owner, migrations } of sets) {
    const { rows } = await client.query<{ id: string }>('SELECT id FROM applied_migration WHERE owner = $1', [owner]);
    const known = new Set(rows.map(({ id }) => id));
    for (const { id, sql } of migrations.filter((one) => !known.has(one.id))) {
      await client.query(sql);
      await client.query('INSERT INTO applied_migration (owner, id) VALUES ($1, $2)', [owner, id]);
      applied.push(`${owner} ${id}`);
    }
  }
  await client.query('COMMIT');
  return applied;
}

async function assertDefaultSchema(client: Client): Promise<void> {
  const { rows } = await client.query<{ schema: string | null }>('SELECT current_schema() AS schema');
  if (rows[0]?.schema) return;
  throw new Error('The database connection has no default schema. Create the schema of its search_path.');
}
