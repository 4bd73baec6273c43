import { hash } from 'node:crypto';
import { Rejection, type PartitionAttempt } from '#job-kit';
import { binaryArray, BYTEA, INT8, int64, JSONB, TEXT, TIMESTAMPTZ, type ItemTable } from '#postgres';
import type { PoolClient } from 'pg';
import { excerptOf, type FhirRow } from './fhir-row.js';
import { LookUps } from './look-ups.js';
import { TAKES_PLACE, type OnConflict } from './on-conflict.js';
import { CHANGED, NEEDLESS, READ, UPSERT } from './statements.js';

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
  /** What every statement gets about the rows and their import. */
  parameters: readonly unknown[];
}

/** Rows of a sample: enough to know whether an eighth of a chunk is unchanged. */
const SAMPLE = 32;

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
      const batch = batchOf(onConflict, rows, attempt);
      const changed = (await isWorthALook(client, batch, lookUps)) ? await changedRows(client, batch, lookUps) : batch;
      lookUps.sent(batch.importId);
      if (changed.rows.length > 0) await upsert(client, changed);
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

/** Whether enough rows of a chunk need not be sent to find out which. */
async function isWorthALook(client: PoolClient, batch: Batch, lookUps: LookUps): Promise<boolean> {
  const due = lookUps.due(batch.importId);
  if (due !== 'sample') return due === 'chunk';
  const every = Math.max(1, Math.floor(batch.rows.length / SAMPLE));
  const sample = batch.rows.filter((_, i) => i % every === 0);
  const { rows } = await client.query<{ needless: number }>(NEEDLESS[batch.onConflict], [
    ...keysOf(sample),
    batch.importId,
  ]);
  return lookUps.learn(batch.importId, sample.length, rows[0]!.needless);
}

async function changedRows(client: PoolClient, batch: Batch, lookUps: LookUps): Promise<Batch> {
  const { rows } = await client.query<{ place: number }>(CHANGED[batch.onConflict], [...batch.parameters]);
  lookUps.learn(batch.importId, batch.rows.length, batch.rows.length - rows.length);
  if (rows.length === batch.rows.length) return batch;
  const places = new Set(rows.map(({ place }) => place - 1));
  const changed = batch.rows.filter((_, i) => places.has(i));
  return batchOf(batch.onConflict, changed, batch.attempt);
}

async function upsert(client: PoolClient, { onConflict, rows, parameters }: Batch): Promise<void> {
  const bodies = rows.map(({ body }) => body);
  await client.query({
    name: `longshore-upsert-${onConflict}`,
    text: UPSERT[onConflict],
    values: [...parameters, binaryArray(JSONB, bodies)],
  });
}

function batchOf(onConflict: OnConflict, rows: readonly PlacedRow[], attempt: PartitionAttempt): Batch {
  const { instanceUuid, stepName, partition } = attempt;
  const importId = importIdOf(attempt);
  const parameters = [...keysOf(rows), importId, instanceUuid, stepName, partition];
  return { onConflict, rows, importId, attempt, parameters };
}

/** What rows are compared by: an array for each of type, id, digest, position and time. */
function keysOf(rows: readonly PlacedRow[]): Buffer[] {
  const times = rows.map(({ updated }) => (updated === undefined ? null : int64(updated - EPOCH_2000)));
  return [
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
    binaryArray(TIMESTAMPTZ, times),
  ];
}

/** PostgreSQL counts time from 2000, in µs. */
const EPOCH_2000 = 946_684_800_000_000n;
