import { randomUUID } from 'node:crypto';
import { Client } from 'pg';
import { databaseUrl } from '../../scripts/services/databases.js';
import type { Queryable } from './write-log.js';

/** A database of a test file's own. */
export interface TestDatabase extends Queryable {
  url: string;
  /** Drops it. @throws if a connection is still open: a leak fails the test */
  drop(): Promise<void>;
}

/** Creates an empty database; drop it at the end. @param adminUrl of a database whose user may create others */
export async function createDatabase(adminUrl: string): Promise<TestDatabase> {
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  const admin = databaseAt(adminUrl);
  await admin.query(`CREATE DATABASE ${name}`);
  const url = databaseUrl(adminUrl, name);
  return {
    ...databaseAt(url),
    url,
    drop: async () => {
      await admin.query(`DROP DATABASE ${name}`);
    },
  };
}

/** A database to run SQL on, each time on a connection of its own. */
export const databaseAt = (url: string): Queryable => ({
  query: async <R extends Record<string, unknown>>(sql: string, values?: unknown[]) => {
    const client = new Client({ connectionString: url });
    await client.connect();
    try {
      return (await client.query<R>(sql, values)).rows;
    } finally {
      await client.end();
    }
  },
});
