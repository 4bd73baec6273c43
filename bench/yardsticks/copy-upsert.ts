import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { Client } from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { findProgram, run } from '../../scripts/services/programs.js';

/** A quote and a delimiter that JSON text cannot contain: so a whole line is one field. */
const FORMAT = "(FORMAT csv, QUOTE e'\\x01', DELIMITER e'\\x02')";
const TABLE = 'CREATE TEMPORARY TABLE line (body jsonb)';
const UPSERT = `INSERT INTO resource AS stored (resource_type, id, body)
  SELECT body->>'resourceType', body->>'id', body FROM line
  ON CONFLICT (resource_type, id) DO UPDATE
  SET version_id = stored.version_id + 1, last_updated = now(), body = excluded.body
  WHERE stored.body IS DISTINCT FROM excluded.body`;

/** What a script of psql does for an import: every line into a temporary table, then one upsert into the same table as ours. */
export async function copyAndUpsert(databaseUrl: string, files: readonly string[]): Promise<void> {
  const psql = findProgram('psql');
  await (psql ? byPsql(psql, databaseUrl, files) : byStream(databaseUrl, files));
}

async function byPsql(psql: string, databaseUrl: string, files: readonly string[]): Promise<void> {
  const commands = [
    TABLE,
    ...files.map((file) => `\\copy line FROM '${file}' WITH ${FORMAT}`),
    UPSERT.replaceAll('\n', ' '),
  ];
  const commandOptions = commands.flatMap((command) => ['-c', command]);
  await run(psql, [databaseUrl, '--no-psqlrc', '--quiet', '--set=ON_ERROR_STOP=1', ...commandOptions]);
}

async function byStream(databaseUrl: string, files: readonly string[]): Promise<void> {
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    await client.query(TABLE);
    for (const file of files) {
      await pipeline(
        createReadStream(file, { highWaterMark: 1_048_576 }),
        client.query(copyFrom(`COPY line FROM STDIN WITH ${FORMAT}`)),
      );
    }
    await client.query(UPSERT);
  } finally {
    await client.end();
  }
}
