/** Runs SQL on one database; returns the rows. */
export interface Queryable {
  query<R extends Record<string, unknown>>(sql: string, values?: unknown[]): Promise<R[]>;
}

/**
 * Logs every row that is handed to the table `resource`, even where the upsert changes nothing: an upsert hides a row
 * that is written twice, the log does not. A row that is rolled back takes its entry with it. Without its digest a row
 * is never taken for unchanged beforehand.
 *
 * The connection's name says which execution wrote (`longshore:<execution>:<partition>`); null for others.
 */
const WRITE_LOG = `
  CREATE TABLE write_log (
    execution_uuid uuid,
    resource_type text NOT NULL,
    id text COLLATE "C" NOT NULL,
    written_at timestamptz NOT NULL);
  CREATE INDEX write_log_by_id ON write_log (id);
  CREATE FUNCTION log_write() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      INSERT INTO write_log VALUES (
        substring(current_setting('application_name') FROM '^longshore:([0-9a-f-]{36}):')::uuid,
        NEW.resource_type, NEW.id, clock_timestamp());
      NEW.body_digest := NULL;
      RETURN NEW;
    END $$;
  CREATE TRIGGER log_write BEFORE INSERT ON resource FOR EACH ROW EXECUTE FUNCTION log_write()`;

/** Has a database log every write from now on, in the table `write_log`. Needs the migrated schema. */
export async function logWrites(database: Queryable): Promise<void> {
  await database.query(WRITE_LOG);
}

/** How often each of these resources was handed to the table. Needs {@link logWrites}. */
export async function timesWritten(database: Queryable, resources: readonly { id: string }[]): Promise<number[]> {
  const rows = await database.query<{ id: string; times: number }>(
    'SELECT id, count(*)::int AS times FROM write_log WHERE id = ANY($1) GROUP BY id',
    [resources.map(({ id }) => id)],
  );
  const times = new Map(rows.map((row) => [row.id, row.times]));
  return resources.map(({ id }) => times.get(id) ?? 0);
}
