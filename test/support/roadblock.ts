import { Client } from 'pg';
import type { TestDatabase } from './database.js';
import type { Resource } from './resources.js';
import { until } from './until.js';

/** Blocks a worker in the middle of a chunk, for as long as a test wants. */
export interface Roadblock {
  /** Resolves once a worker is blocked: whatever it has done before is committed and reported. */
  reached(): Promise<void>;
  /** Lets the worker continue. */
  lift(): Promise<void>;
}

const WAITING = 'SELECT count(*)::int AS waiting FROM pg_stat_activity WHERE $1 = ANY(pg_blocking_pids(pid))';

/** Inserts the resource's key without committing: a worker that writes the same key waits. The row must not exist yet. */
export async function blockAt(database: TestDatabase, { resourceType, id }: Resource): Promise<Roadblock> {
  const client = new Client({ connectionString: database.url });
  await client.connect();
  await client.query('BEGIN');
  await client.query("INSERT INTO resource (resource_type, id, body) VALUES ($1, $2, '{}')", [resourceType, id]);
  const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  const waiting = async () => (await database.query<{ waiting: number }>(WAITING, [rows[0]?.pid]))[0]?.waiting;
  let lifted = false;
  return {
    reached: async () => {
      await until(`a worker at ${resourceType}/${id}`, waiting, (count) => Number(count) > 0);
    },
    lift: async () => {
      if (!lifted) await client.end();
      lifted = true;
    },
  };
}
