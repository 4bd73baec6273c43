import { Client } from 'pg';
import { REPEATED } from './source.js';

/** What one execution has written of an import, by the write log. */
export interface Written {
  /** null where the connection that wrote has no execution's name: then it was not an attempt of ours. */
  executionUuid: string | null;
  rows: number;
  /** In ms since the epoch. */
  first: number;
  last: number;
}

export interface StoredRow {
  id: string;
  version: number;
  body: unknown;
}

/** What the database holds of one import; every id of it begins with the prefix. */
export interface Stored {
  rows: StoredRow[];
  /**
   * Ids (repeated ones left aside) that one instance has handed to the table more than once, at most ten. A start that a crash of Redis has lost
   * before it was acknowledged, and that was retried, was another instance.
   */
  doubled: string[];
  written: Written[];
  /** Rejected rows, as `file:row`, each as often as it is kept. */
  rejected: string[];
}

const below = 'id >= $1 AND id < $2';

export async function readStored(databaseUrl: string, prefix: string, executions: readonly string[]): Promise<Stored> {
  const range = [prefix, `${prefix}~`];
  return withDatabase(databaseUrl, async (client) => {
    // One snapshot, so that nothing comes in between.
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    const rows = await client.query<StoredRow>(
      `SELECT id, version_id AS version, body FROM resource WHERE resource_type = 'Basic' AND ${below}`,
      range,
    );
    const doubled = await client.query<{ id: string }>(
      `SELECT id FROM write_log LEFT JOIN execution_gate USING (execution_uuid) WHERE ${below} AND id NOT LIKE $1 || '${REPEATED}-%'
       GROUP BY id, instance_uuid HAVING count(*) > 1 LIMIT 10`,
      range,
    );
    const written = await client.query<Written>(
      `SELECT execution_uuid AS "executionUuid", count(*)::int AS rows,
         extract(epoch FROM min(written_at))::float8 * 1000 AS first,
         extract(epoch FROM max(written_at))::float8 * 1000 AS last
       FROM write_log WHERE ${below} GROUP BY 1 ORDER BY first`,
      range,
    );
    const rejected = await client.query<{ place: string }>(
      "SELECT file || ':' || row_number AS place FROM rejected_row WHERE execution_uuid = ANY($1)",
      [executions],
    );
    return {
      rows: rows.rows,
      doubled: doubled.rows.map(({ id }) => id),
      written: written.rows,
      rejected: rejected.rows.map(({ place }) => place),
    };
  });
}

/** Removes an import's rows, so that a long run needs no more room than a short one. What is written later stays. */
export async function clearStored(databaseUrl: string, prefix: string): Promise<void> {
  const range = [prefix, `${prefix}~`];
  await withDatabase(databaseUrl, async (client) => {
    await client.query('BEGIN');
    await client.query(`DELETE FROM resource WHERE resource_type = 'Basic' AND ${below}`, range);
    await client.query(`DELETE FROM write_log WHERE ${below}`, range);
    await client.query('COMMIT');
  });
}

/** How many rows were handed to the table under this prefix. */
export async function countWritten(databaseUrl: string, prefix: string): Promise<number> {
  const { rows } = await withDatabase(databaseUrl, (client) =>
    client.query<{ count: number }>(`SELECT count(*)::int FROM write_log WHERE ${below}`, [prefix, `${prefix}~`]),
  );
  return rows[0]?.count ?? 0;
}

/** Names of the connections that are open, our own left aside. */
export async function openConnections(databaseUrl: string): Promise<{ name: string; state: string }[]> {
  const { rows } = await withDatabase(databaseUrl, (client) =>
    client.query<{ name: string; state: string }>(
      `SELECT application_name AS name, state FROM pg_stat_activity
       WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'`,
    ),
  );
  return rows;
}

async function withDatabase<T>(databaseUrl: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: databaseUrl });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
