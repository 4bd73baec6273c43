import type { TestDatabase } from './database.js';
import type { Resource } from './resources.js';

/** A value with the keys of all its objects in order, so that equal values have equal texts. */
export const canonical = (value: unknown): string => JSON.stringify(value, (_, inner: unknown) => inOrder(inner));

const inOrder = (value: unknown): unknown =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)))
    : value;

/** A row of the table `resource`, without its time. */
const rowText = (type: string, id: string, version: number, body: unknown): string =>
  `${type}/${id} version ${version}: ${canonical(body)}`;

/** The whole table as a multiset: a sorted list of texts. */
export async function storedRows(database: TestDatabase): Promise<string[]> {
  const rows = await database.query<{ resource_type: string; id: string; version_id: number; body: unknown }>(
    'SELECT resource_type, id, version_id, body FROM resource',
  );
  return rows.map((row) => rowText(row.resource_type, row.id, row.version_id, row.body)).toSorted();
}

/** What {@link storedRows} gives once these resources are stored, each in this version. */
export const rowsOf = (resources: readonly Resource[], version = 1): string[] =>
  resources.map((resource) => rowText(resource.resourceType, resource.id, version, resource)).toSorted();

/**
 * Has the database note every row that is handed to the table `resource`, also where it changes nothing there: an
 * upsert hides a row that is written twice, the note does not. A row that is rolled back takes its note with it. Without
 * its digest a row is never taken for unchanged beforehand.
 */
export async function noteWrites(database: TestDatabase): Promise<void> {
  await database.query(`
    CREATE TABLE written (resource_type text, id text);
    CREATE FUNCTION note_write() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN INSERT INTO written VALUES (NEW.resource_type, NEW.id); NEW.body_digest := NULL; RETURN NEW; END $$;
    CREATE TRIGGER note_write BEFORE INSERT ON resource FOR EACH ROW EXECUTE FUNCTION note_write()`);
}

/** How often each of these resources was handed to the table, by id. Needs {@link noteWrites}. */
export async function timesWritten(database: TestDatabase, resources: readonly Resource[]): Promise<number[]> {
  const rows = await database.query<{ id: string; times: string }>(
    'SELECT id, count(*) AS times FROM written WHERE id = ANY($1) GROUP BY id',
    [resources.map(({ id }) => id)],
  );
  const times = new Map(rows.map((row) => [row.id, Number(row.times)]));
  return resources.map(({ id }) => times.get(id) ?? 0);
}
