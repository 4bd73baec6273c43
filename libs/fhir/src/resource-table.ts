import { hash } from 'node:crypto';
import { Rejection, type PartitionAttempt } from '#job-kit';
import { binaryArray, BYTEA, INT8, int64, JSONB, TEXT, TIMESTAMPTZ, type ItemTable } from '#postgres';
import type { PoolClient } from 'pg';
import { excerptOf, type FhirRow } from './fhir-row.js';
import { LookUps } from './look-ups.js';
import { TAKES_PLACE, type OnConflict } from './on-conflict.js';
import { CHANGED, READ, UPSERT } from './statements.js';

/** One row of a chunk, ready to be compared and sent. */
interface PlacedRow extends FhirRow {
  digest: Buffer;
  /** Its place in the source, across partitions. */
  position: bigint;
}

/** A chunk's rows, and whose they are. */
interface Batch {
  onConflict: OnConflict;
  rows: readonly PlacedRow[];
  importId: string;
  attempt: PartitionAttempt;
}

/**
 * Writes FHIR resources into `resource`, a chunk in one upsert. An unchanged resource keeps its version; of a repeated
 * one stays what {@link OnConflict} says, whatever the order in which chunks are committed.
 */
export function resourceTable(): ItemTable<FhirRow> {
  const lookUps = new LookUps();
  return {
    async writeChunk(client, chunk, attempt) {
      const onConflict = chunk[0]?.onConflict ?? 'source-order';
      const kept = oneOfEachInOrder(chunk, onConflict);
      if (kept.length < chunk.length) await readOthers(client, chunk, kept);
      const rows = kept.map((row) => placed(row, attempt.partition));
      const batch = { onConflict, rows, importId: importIdOf(attempt), attempt };
      const changed = lookUps.areDue(batch.importId) ? await changedRows(client, batch) : rows;
      lookUps.learn(batch.importId, rows.length, changed.length);
      if (changed.length > 0) await upsert(client, { ...batch, rows: changed });
    },
    reject: ({ file, row, body }, reason) => new Rejection(reason, { file, row }, excerptOf(body)),
    kindOf: (row) => row.resourceType,
  };
}

/**
 * One row of each id, as one statement cannot touch a key twice; in the order of their keys, so that two workers that
 * write the same resources lock them in the same order and never wait for each other in a circle.
 */
function oneOfEachInOrder(chunk: readonly FhirRow[], onConflict: OnConflict): FhirRow[] {
  const kept = new Map<string, FhirRow>();
  for (const row of chunk) {
    const key = `${row.resourceType}\0${row.id}`;
    const earlier = kept.get(key);
    if (!earlier || TAKES_PLACE[onConflict](row, earlier)) kept.set(key, row);
  }
  return [...kept].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row);
}

/** A row that counts as written is one that could have been, even if another one of the chunk takes its place. */
async function readOthers(client: PoolClient, chunk: readonly FhirRow[], kept: readonly FhirRow[]): Promise<void> {
  const keptRows = new Set(kept);
  const bodies = chunk.filter((row) => !keptRows.has(row)).map(({ body }) => body);
  await client.query(READ, [binaryArray(JSONB, bodies)]);
}

/** Rows of a file that a position has room for: 2^36. Partitions of a plan: 2^27. */
const ROW_BITS = 36n;

const placed = (row: FhirRow, partition: number): PlacedRow => ({
  ...row,
  digest: hash('sha256', row.body, 'buffer'),
  position: (BigInt(partition) << ROW_BITS) + BigInt(row.row),
});

/** A step of a job instance is one import. A UUID, of RFC 9562's version 8. */
function importIdOf({ instanceUuid, stepName }: PartitionAttempt): string {
  const hex = hash('sha256', `${instanceUuid}/${stepName}`);
  return [hex.slice(0, 8), hex.slice(8, 12), `8${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`, hex.slice(20, 32)].join(
    '-',
  );
}

async function changedRows(client: PoolClient, batch: Batch): Promise<readonly PlacedRow[]> {
  const { rows } = await client.query<{ place: number }>(CHANGED[batch.onConflict], parametersOf(batch));
  if (rows.length === batch.rows.length) return batch.rows;
  const places = new Set(rows.map(({ place }) => place - 1));
  return batch.rows.filter((_, i) => places.has(i));
}

async function upsert(client: PoolClient, batch: Batch): Promise<void> {
  await client.query({
    name: `longshore-upsert-${batch.onConflict}`,
    text: UPSERT[batch.onConflict],
    values: [
      ...parametersOf(batch),
      binaryArray(
        JSONB,
        batch.rows.map(({ body }) => body),
      ),
    ],
  });
}

/** What both statements are told. */
const parametersOf = ({ rows, importId, attempt: { instanceUuid, stepName, partition } }: Batch): unknown[] => [
  binaryArray(
    TEXT,
    rows.map(({ resourceType }) => resourceType),
  ),
  binaryArray(
    TEXT,
    rows.map(({ id }) => id),
  ),
  binaryArray(
    BYTEA,
    rows.map(({ digest }) => digest),
  ),
  binaryArray(
    INT8,
    rows.map(({ position }) => int64(position)),
  ),
  binaryArray(
    TIMESTAMPTZ,
    rows.map(({ updated }) => (updated === undefined ? null : int64(updated - EPOCH_2000))),
  ),
  importId,
  instanceUuid,
  stepName,
  partition,
];

/** PostgreSQL counts time from 2000, in µs. */
const EPOCH_2000 = 946_684_800_000_000n;
