/** Which of several versions of a resource stays. */
export const ON_CONFLICT = ['source-order', 'last-updated', 'keep-first'] as const;

/**
 * - `source-order`: an import replaces what is stored; of several rows with one id, the last in the source stays.
 * - `last-updated`: the newest `meta.lastUpdated` stays, whether it is stored or imported; a resource without a valid one
 *   is older than any that has one. Among equal ones as in `source-order`.
 * - `keep-first`: what is stored stays; of several rows with one id, the first in the source does.
 *
 * Each is a total order, so what stays does not depend on the order in which rows arrive.
 */
export type OnConflict = (typeof ON_CONFLICT)[number];

type Dated = { updated?: bigint };

/** Whether a row takes the place of one that stands before it in the same chunk. */
export const TAKES_PLACE: Readonly<Record<OnConflict, (later: Dated, earlier: Dated) => boolean>> = {
  'source-order': () => true,
  'last-updated': (later, earlier) =>
    earlier.updated === undefined || (later.updated !== undefined && later.updated >= earlier.updated),
  'keep-first': () => false,
};

/** Whether the stored row is another import's, or was written by other means. */
export const isForeign = (importId: string): string => `stored.import_id IS DISTINCT FROM ${importId}`;

const updated = (row: string): string => `coalesce(${row}.source_updated, '-infinity')`;

/**
 * SQL: whether a row takes the place of the one that is `stored`. Rows of one import are compared by their position as
 * well, whichever came first; a foreign row counts as one that comes before all of them.
 *
 * @param row what the row is called in the statement
 * @param importId the row's import
 */
export const WINS: Readonly<Record<OnConflict, (row: string, importId: string) => string>> = {
  'source-order': (row, importId) => `(${isForeign(importId)} OR stored.source_position < ${row}.source_position)`,
  'last-updated': (row, importId) => `(
    ${updated('stored')} < ${updated(row)} OR ${updated('stored')} = ${updated(row)}
      AND (${isForeign(importId)} OR stored.source_position < ${row}.source_position))`,
  'keep-first': (row, importId) => `(NOT ${isForeign(importId)} AND ${row}.source_position < stored.source_position)`,
};
