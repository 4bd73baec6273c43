import type { Log } from '#job-kit';
import { runner, type MigrationBuilder } from 'node-pg-migrate';
import { Client } from 'pg';
import { MIGRATIONS } from './migrations.js';
import { CONNECT_MS } from './pools.js';

/**
 * Brings the schema up to date, in the connection's default schema. Safe to call from many processes at once: one
 * migrates under an advisory lock, the others wait for it and find nothing left to do.
 */
export async function migrate(databaseUrl: string, log: Log): Promise<void> {
  const client = new Client({
    connectionString: databaseUrl,
    application_name: 'longshore migrations',
    connectionTimeoutMillis: CONNECT_MS,
  });
  // Whatever asks the database is told that it is gone; without a listener its loss would end the process.
  client.on('error', () => undefined);
  await client.connect();
  try {
    const done = await runner({
      dbClient: client,
      direction: 'up',
      migrationsTable: 'schema_migration',
      migrationsSchema: await defaultSchema(client),
      advisoryLockMode: 'wait',
      singleTransaction: true,
      logger: { info: () => {}, warn: (message) => log.warn(message), error: (message) => log.error(message) },
      ...inCode,
    });
    for (const { name } of done) log.info('Migrated the database', { migration: name });
  } finally {
    await client.end();
  }
}

/**
 * The migrations stand in code, so that they are the same in sources and in `dist/`, where a renamed file would live on.
 * The runner insists on finding files, so it is shown this one, and a loader that knows better.
 */
const inCode = {
  dir: import.meta.dirname,
  ignorePattern: '(?!migrate\\.[jt]s$).*',
  migrationLoaderStrategies: [{ extensions: ['.ts', '.js'], loader: async () => units }],
};

const units = MIGRATIONS.map(({ id, sql }) => ({
  id,
  filePaths: [],
  actions: { up: (pgm: MigrationBuilder) => pgm.sql(sql), down: false as const },
}));

/** @throws Error if the search path names no schema that exists */
async function defaultSchema(client: Client): Promise<string> {
  const { rows } = await client.query<{ schema: string | null }>('SELECT current_schema() AS schema');
  const schema = rows[0]?.schema;
  if (!schema) throw new Error('The database connection has no default schema. Create the schema of its search_path.');
  return schema;
}
