import { randomUUID } from 'node:crypto';
import { Client } from 'pg';
import { inject } from 'vitest';

declare module 'vitest' {
  interface ProvidedContext {
    /** Address of PostgreSQL, as a user who may create databases. */
    databaseUrl: string;
  }
}

/** A database of a test file's own. */
export interface TestDatabase {
  url: string;
  /** Runs SQL on a connection of its own; returns the rows. */
  query<R extends Record<string, unknown>>(sql: string, values?: unknown[]): Promise<R[]>;
  /** Drops it. @throws if a connection was left open: a leak fails the test */
  drop(): Promise<void>;
}

/**
 * Creates an empty database; drop it when the file ends.
 *
 * @param admin address of another server than the one that all tests share
 */
export async function createDatabase(admin = inject('databaseUrl')): Promise<TestDatabase> {
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  await queryOnce(admin, `CREATE DATABASE ${name}`);
  const url = Object.assign(new URL(admin), { pathname: `/${name}` }).href;
  return {
    url,
    query: async <R extends Record<string, unknown>>(sql: string, values?: unknown[]) =>
      (await queryOnce(url, sql, values)) as R[],
    drop: async () => {
      await queryOnce(admin, `DROP DATABASE ${name}`);
    },
  };
}

async function queryOnce(url: string, sql: string, values?: unknown[]): Promise<unknown[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(sql, values)).rows;
  } finally {
    await client.end();
  }
}
