import { noteKeys } from '#postgres';
import { isForeign, ON_CONFLICT, WINS, type OnConflict } from './on-conflict.js';

/*
 * All statements have the same first parameters: resource types, ids, digests, positions, times (an array each), import,
 * instance, step, partition.
 */
const IMPORT = '$6::uuid';
const PLACE = ['$7', '$8', '$9'] as const;
const KEY = `resource_type || '/' || id`;

/**
 * Each row as it compares with what is stored: whether it loses against that, or is the same. Same is what has the digest;
 * a row of this import is sent all the same, as its position may have to move.
 */
const found = (onConflict: OnConflict): string => `
  found AS MATERIALIZED (
    SELECT new.place, new.resource_type, new.id,
      stored.resource_type IS NOT NULL AND NOT ${WINS[onConflict]('new', IMPORT)} AS loses,
      stored.body_digest IS NOT NULL AND ${isForeign(IMPORT)} AND stored.body_digest = new.body_digest AS same
    FROM unnest($1::text[], $2::text[], $3::bytea[], $4::bigint[], $5::timestamptz[])
      WITH ORDINALITY AS new (resource_type, id, body_digest, source_position, source_updated, place)
    LEFT JOIN LATERAL (
      SELECT * FROM resource WHERE resource.resource_type = new.resource_type AND resource.id = new.id LIMIT 1
    ) AS stored ON true
  )`;

/** How many rows need not be sent. It takes the first six parameters. */
const needless = (onConflict: OnConflict): string => `
  WITH ${found(onConflict)} SELECT count(*)::integer AS needless FROM found WHERE loses OR same`;

/** Places (from 1) of the rows that must be sent: those that win over what is stored, unless it is the same. */
const changed = (onConflict: OnConflict): string => `
  WITH ${found(onConflict)}, noted AS (${noteKeys('left', KEY, 'found WHERE same AND NOT loses', PLACE)})
  SELECT place::integer FROM found WHERE NOT loses AND NOT same`;

const hashOf = (body: string): string => `hashtextextended(${body}::text, 0)`;

/** jsonb takes 1.0 and 1.00 for equal; their texts differ. The text is only made where the rest is equal. */
const SAME = 'stored.body = excluded.body AND stored.body::text = excluded.body::text';

/**
 * The row as it was before this import, from which its version follows, however often the import writes it: one more
 * than before, or the one before if the body is what it was. A row that the import itself inserted stays at 1.
 *
 * OFFSET 0 keeps an expression from being computed once for each of its uses.
 */
const VERSION = `
  SELECT CASE WHEN before.version IS NULL THEN stored.version_id WHEN same THEN before.version ELSE before.version + 1 END,
    CASE WHEN same THEN before.last_updated ELSE now() END,
    before.version, before.last_updated, before.hash
  FROM (
    SELECT version, last_updated, hash, CASE
      WHEN is_foreign THEN ${SAME}
      WHEN version IS NULL THEN false
      ELSE hash = ${hashOf('excluded.body')} END AS same
    FROM (
      SELECT is_foreign,
        CASE WHEN is_foreign THEN stored.version_id ELSE stored.before_version END AS version,
        CASE WHEN is_foreign THEN stored.last_updated ELSE stored.before_last_updated END AS last_updated,
        CASE WHEN is_foreign THEN ${hashOf('stored.body')} ELSE stored.before_hash END AS hash
      FROM (SELECT ${isForeign(IMPORT)} AS is_foreign OFFSET 0) AS origin
      OFFSET 0
    ) AS was
    OFFSET 0
  ) AS before`;

/** The arrays are gone through side by side, and nothing is stored on the way. */
const upsert = (onConflict: OnConflict): string => `
  WITH written AS (
    INSERT INTO resource AS stored
      (resource_type, id, body_digest, source_position, source_updated, import_id, body)
    SELECT unnest($1::text[]), unnest($2::text[]), unnest($3::bytea[]), unnest($4::bigint[]), unnest($5::timestamptz[]),
      ${IMPORT}, unnest($10::jsonb[])
    ON CONFLICT (resource_type, id) DO UPDATE SET
      import_id = excluded.import_id, source_position = excluded.source_position,
      source_updated = excluded.source_updated, body_digest = excluded.body_digest, body = excluded.body,
      (version_id, last_updated, before_version, before_last_updated, before_hash) = (${VERSION})
    WHERE ${WINS[onConflict]('excluded', IMPORT)}
    RETURNING resource_type, id, before_version
  )
  ${noteKeys('taken', KEY, 'written WHERE before_version IS NOT NULL', PLACE)}`;

const each = (statement: (onConflict: OnConflict) => string): Readonly<Record<OnConflict, string>> =>
  Object.fromEntries(ON_CONFLICT.map((name) => [name, statement(name)])) as Record<OnConflict, string>;

/**
 * Without a name, so that it is planned each time: a plan that was made while the table was empty would read it from end
 * to end once it has grown.
 */
export const NEEDLESS = each(needless);
export const CHANGED = each(changed);
export const UPSERT = each(upsert);

/** Has PostgreSQL read bodies, as it does before it stores them; what it refuses, it refuses here. */
export const READ = 'SELECT count(*) FROM unnest($1::jsonb[])';
