import { hash } from 'node:crypto';
import { Rejection } from '#job-kit';
import type { PoolClient } from 'pg';
import type { ItemTable } from '../sink/item-table.js';
import { binaryArray, BYTEA, JSONB, TEXT } from './binary-array.js';
import { excerptOf, type FhirRow } from './fhir-row.js';

/**
 * Places of the rows that stand in the table as they are: their bodies need not be sent. Without a name, so that it is
 * planned each time: a plan that was made while the table was empty would read it from end to end once it has grown.
 */
const UNCHANGED = `
  SELECT place::integer FROM unnest($1::text[], $2::text[], $3::bytea[]) WITH ORDINALITY AS new (resource_type, id, body_digest, place)
  WHERE body_digest = (
    SELECT stored.body_digest FROM resource AS stored
    WHERE stored.resource_type = new.resource_type AND stored.id = new.id
  )`;

/** The arrays are gone through side by side, and nothing is stored on the way. */
const UPSERT = `
  INSERT INTO resource AS stored (resource_type, id, body_digest, body)
  SELECT unnest($1::text[]), unnest($2::text[]), unnest($3::bytea[]), unnest($4::jsonb[])
  ON CONFLICT (resource_type, id) DO UPDATE
  SET version_id = stored.version_id + 1, last_updated = now(), body_digest = excluded.body_digest, body = excluded.body
  WHERE stored.body IS DISTINCT FROM excluded.body`;

/** Has PostgreSQL read bodies, as it does before it stores them; what it refuses, it refuses here. */
const READ = 'SELECT count(*) FROM unnest($1::jsonb[])';

type DigestedRow = FhirRow & { digest: Buffer };

/** Writes FHIR resources into `resource`, a chunk in one upsert. An unchanged resource keeps its version. */
export function resourceTable(): ItemTable<FhirRow> {
  const lookUps = new LookUps();
  return {
    async writeChunk(client, chunk) {
      const last = lastOfEachInOrder(chunk);
      if (last.length < chunk.length) await readSuperseded(client, chunk, last);
      const rows = last.map((row) => ({ ...row, digest: hash('sha256', row.body, 'buffer') }));
      const changed = lookUps.areDue() ? lookUps.learn(rows, await withoutUnchanged(client, rows)) : rows;
      if (changed.length > 0) await upsert(client, changed);
    },
    reject: ({ file, row, body }, reason) => new Rejection(reason, { file, row }, excerptOf(body)),
    kindOf: (row) => row.resourceType,
  };
}

/** A look-up costs about an eighth of a row's upsert, and is for nothing in a first import. */
const WORTH_A_LOOK = 1 / 8;
const LOOK_AGAIN_AFTER = 10;

/** When to look for unchanged rows: in each chunk while that pays, else now and then. It only ever saves time. */
class LookUps {
  #pays = true;
  #chunks = 0;

  areDue(): boolean {
    return this.#pays || this.#chunks++ % LOOK_AGAIN_AFTER === 0;
  }

  learn<T>(rows: readonly T[], changed: readonly T[]): readonly T[] {
    this.#pays = rows.length - changed.length > rows.length * WORTH_A_LOOK;
    return changed;
  }
}

/**
 * The last row of each id, as one statement cannot touch a key twice; in the order of their keys, so that two workers
 * that write the same resources lock them in the same order and never wait for each other in a circle.
 */
function lastOfEachInOrder(rows: readonly FhirRow[]): FhirRow[] {
  const last = new Map(rows.map((row) => [`${row.resourceType}\0${row.id}`, row]));
  return [...last].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row);
}

/** A row that counts as written is one that could have been, even if a later one of the chunk takes its place. */
async function readSuperseded(client: PoolClient, chunk: readonly FhirRow[], last: readonly FhirRow[]): Promise<void> {
  const kept = new Set(last);
  const bodies = chunk.filter((row) => !kept.has(row)).map(({ body }) => body);
  await client.query(READ, [binaryArray(JSONB, bodies)]);
}

async function withoutUnchanged(client: PoolClient, rows: readonly DigestedRow[]): Promise<readonly DigestedRow[]> {
  const found = await client.query<{ place: number }>(UNCHANGED, keysOf(rows));
  const unchanged = new Set(found.rows.map(({ place }) => place - 1));
  return unchanged.size === 0 ? rows : rows.filter((_, i) => !unchanged.has(i));
}

async function upsert(client: PoolClient, rows: readonly DigestedRow[]): Promise<void> {
  const bodies = rows.map(({ body }) => body);
  await client.query({ name: 'longshore-upsert', text: UPSERT, values: [...keysOf(rows), binaryArray(JSONB, bodies)] });
}

/** Types, ids and digests, a parameter each. */
const keysOf = (rows: readonly DigestedRow[]): Buffer[] => [
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
];
