import { Rejection } from '#job-kit';
import { finished } from 'node:stream/promises';
import type { PoolClient } from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { isDataError } from '../errors.js';
import type { ItemTable } from '../sink/postgres-sink.js';
import { encodeCopy, jsonbParameter } from './copy-encoding.js';
import { excerptOf, type FhirRow } from './fhir-row.js';

/** With the constraints of `resource`, so that a bad row is refused here already. */
const PREPARE = `
  CREATE TEMPORARY TABLE chunk_row (LIKE resource INCLUDING DEFAULTS INCLUDING CONSTRAINTS) ON COMMIT DELETE ROWS`;
const COPY = 'COPY pg_temp.chunk_row (resource_type, id, body) FROM STDIN (FORMAT binary)';
const UPSERT = `
  INSERT INTO resource AS stored (resource_type, id, body)
  SELECT resource_type, id, body FROM pg_temp.chunk_row
  ON CONFLICT (resource_type, id) DO UPDATE
  SET version_id = stored.version_id + 1, last_updated = now(), body = excluded.body
  WHERE stored.body IS DISTINCT FROM excluded.body`;
const TRY_ONE = 'INSERT INTO pg_temp.chunk_row (resource_type, id, body) VALUES ($1, $2, $3)';

/** Writes FHIR resources into `resource`: COPY into a temporary table, then one upsert. An unchanged resource keeps its version. */
export const resourceTable: ItemTable<FhirRow> = {
  async prepare(client) {
    await client.query(PREPARE);
  },
  async writeChunk(client, rows) {
    await copy(client, encodeCopy(lastOfEachInOrder(rows)));
    await client.query({ name: 'longshore-upsert', text: UPSERT });
  },
  /** Each statement is a transaction of its own, so the temporary table is empty again after it. */
  async sift(client, rows) {
    const bad = new Map<FhirRow, Rejection>();
    for (const row of rows) {
      const reason = await refusal(client, row);
      if (reason !== undefined)
        bad.set(row, new Rejection(reason, { file: row.file, row: row.row }, excerptOf(row.body)));
    }
    return bad;
  },
  kindOf: (row) => row.resourceType,
};

/**
 * The last row of each id, as one statement cannot touch a key twice; in the order of their keys, so that two workers
 * that write the same resources lock them in the same order and never wait for each other in a circle.
 */
function lastOfEachInOrder(rows: readonly FhirRow[]): FhirRow[] {
  const last = new Map(rows.map((row) => [`${row.resourceType}\0${row.id}`, row]));
  return [...last].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row);
}

async function copy(client: PoolClient, data: Buffer): Promise<void> {
  const stream = client.query(copyFrom(COPY));
  stream.end(data);
  await finished(stream);
}

/** Why the database refuses a row; undefined if it does not. */
async function refusal(client: PoolClient, { resourceType, id, body }: FhirRow): Promise<string | undefined> {
  try {
    await client.query({ name: 'longshore-try-one', text: TRY_ONE, values: [resourceType, id, jsonbParameter(body)] });
    return undefined;
  } catch (error) {
    if (!isDataError(error)) throw error;
    // A constraint's detail repeats the whole row.
    const detail = error.detail && !error.constraint ? ` (${error.detail})` : '';
    return `is refused by the database: ${error.message}${detail}`;
  }
}
