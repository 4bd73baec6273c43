import { Rejection } from '#job-kit';
import type { ItemTable } from '../sink/item-table.js';
import { binaryArray, JSONB, TEXT } from './binary-array.js';
import { excerptOf, type FhirRow } from './fhir-row.js';

/** The arrays are gone through side by side, and nothing is stored on the way. */
const UPSERT = `
  INSERT INTO resource AS stored (resource_type, id, body)
  SELECT unnest($1::text[]), unnest($2::text[]), unnest($3::jsonb[])
  ON CONFLICT (resource_type, id) DO UPDATE
  SET version_id = stored.version_id + 1, last_updated = now(), body = excluded.body
  WHERE stored.body IS DISTINCT FROM excluded.body`;

/** Writes FHIR resources into `resource`, a chunk in one upsert. An unchanged resource keeps its version. */
export const resourceTable: ItemTable<FhirRow> = {
  async writeChunk(client, chunk) {
    const rows = lastOfEachInOrder(chunk);
    await client.query({
      name: 'longshore-upsert',
      text: UPSERT,
      values: [
        binaryArray(
          TEXT,
          rows.map(({ resourceType }) => resourceType),
        ),
        binaryArray(
          TEXT,
          rows.map(({ id }) => id),
        ),
        binaryArray(
          JSONB,
          rows.map(({ body }) => body),
        ),
      ],
    });
  },
  reject: ({ file, row, body }, reason) => new Rejection(reason, { file, row }, excerptOf(body)),
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
