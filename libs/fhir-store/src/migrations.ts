/** One change of the schema. */
export interface SqlMigration {
  /** Kept in `schema_migration` once it has run: never rename, never reorder. */
  id: string;
  sql: string;
}

/** Every change of the schema, oldest first. One that was released is never edited: add another. */
export const MIGRATIONS: readonly SqlMigration[] = [
  {
    id: '0001_resources',
    sql: `
      CREATE TABLE resource (
        resource_type text COLLATE "C" NOT NULL
          CONSTRAINT resource_type_has_1_to_64_characters CHECK (char_length(resource_type) BETWEEN 1 AND 64),
        id text COLLATE "C" NOT NULL
          CONSTRAINT id_has_1_to_64_characters CHECK (char_length(id) BETWEEN 1 AND 64),
        version_id integer NOT NULL DEFAULT 1 CONSTRAINT version_id_is_positive CHECK (version_id >= 1),
        last_updated timestamptz NOT NULL DEFAULT now(),
        body jsonb NOT NULL,
        PRIMARY KEY (resource_type, id)
      )`,
  },
  {
    id: '0002_checkpoints',
    sql: `
      CREATE TABLE execution_gate (
        execution_uuid uuid PRIMARY KEY,
        instance_uuid uuid NOT NULL,
        open boolean NOT NULL
      );
      CREATE INDEX open_gate_by_instance ON execution_gate (instance_uuid) WHERE open;
      CREATE TABLE partition_checkpoint (
        instance_uuid uuid NOT NULL,
        step_name text NOT NULL,
        partition integer NOT NULL CHECK (partition >= 0),
        execution_uuid uuid NOT NULL,
        fence bigint NOT NULL CHECK (fence >= 1),
        position jsonb,
        read_count bigint NOT NULL DEFAULT 0,
        write_count bigint NOT NULL DEFAULT 0,
        filter_count bigint NOT NULL DEFAULT 0,
        skip_count bigint NOT NULL DEFAULT 0,
        commit_count bigint NOT NULL DEFAULT 0,
        rollback_count bigint NOT NULL DEFAULT 0,
        tally jsonb NOT NULL DEFAULT '{}',
        fruitless_attempts integer NOT NULL,
        PRIMARY KEY (instance_uuid, step_name, partition),
        CONSTRAINT every_item_is_accounted_for CHECK (read_count = write_count + filter_count + skip_count)
      );
      COMMENT ON COLUMN partition_checkpoint.execution_uuid IS 'the owner: the counts are those of this execution';
      COMMENT ON COLUMN partition_checkpoint.tally IS 'items accepted in all executions of the instance, by kind';`,
  },
  {
    id: '0003_rejections',
    sql: `
      CREATE TABLE rejected_row (
        execution_uuid uuid NOT NULL,
        step_name text NOT NULL,
        partition integer NOT NULL,
        file text NOT NULL,
        row_number bigint NOT NULL,
        reason text NOT NULL,
        excerpt text NOT NULL,
        rejected_at timestamptz NOT NULL DEFAULT now()
      );
      CREATE INDEX rejected_row_by_execution ON rejected_row (execution_uuid, file, row_number);
      COMMENT ON COLUMN rejected_row.row_number IS 'from 0 within its file, as in step names';
      CREATE TABLE step_skips (
        execution_uuid uuid NOT NULL,
        step_name text NOT NULL,
        skip_count bigint NOT NULL,
        PRIMARY KEY (execution_uuid, step_name)
      );`,
  },
  {
    id: '0004_body_digests',
    sql: `
      ALTER TABLE resource ADD COLUMN body_digest bytea;
      COMMENT ON COLUMN resource.body_digest IS 'SHA-256 of the source line; null if the body was changed by other means';
      CREATE FUNCTION forget_body_digest() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN NEW.body_digest := NULL; RETURN NEW; END';
      CREATE TRIGGER forget_body_digest BEFORE UPDATE OF body ON resource FOR EACH ROW
        WHEN (NEW.body_digest IS NOT DISTINCT FROM OLD.body_digest) EXECUTE FUNCTION forget_body_digest();`,
  },
  {
    id: '0005_attempts_are_counted_in_redis',
    sql: 'ALTER TABLE partition_checkpoint DROP COLUMN fruitless_attempts',
  },
];
