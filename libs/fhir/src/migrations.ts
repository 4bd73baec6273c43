import type { MigrationSet } from '#postgres';

/** The table `resource`. */
export const FHIR_MIGRATIONS: MigrationSet = {
  owner: 'fhir',
  migrations: [
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
          import_id uuid,
          source_position bigint,
          source_updated timestamptz,
          before_version integer,
          before_last_updated timestamptz,
          before_hash bigint,
          body_digest bytea,
          body jsonb NOT NULL,
          PRIMARY KEY (resource_type, id)
        );
        COMMENT ON COLUMN resource.import_id IS 'hash of the job instance and step that last wrote or confirmed the row';
        COMMENT ON COLUMN resource.source_position IS 'of the row in that import: partition * 2^36 + row';
        COMMENT ON COLUMN resource.source_updated IS 'meta.lastUpdated, where it is a valid instant';
        COMMENT ON COLUMN resource.before_version IS 'version_id before that import; null if the import inserted the row';
        COMMENT ON COLUMN resource.before_hash IS 'of the text of the body before that import';
        COMMENT ON COLUMN resource.body_digest IS 'SHA-256 of the source line; null if the body was changed by other means';
        CREATE FUNCTION forget_body_digest() RETURNS trigger LANGUAGE plpgsql AS
          'BEGIN NEW.body_digest := NULL; RETURN NEW; END';
        CREATE TRIGGER forget_body_digest BEFORE UPDATE OF body ON resource FOR EACH ROW
          WHEN (NEW.body_digest IS NOT DISTINCT FROM OLD.body_digest
            AND (NEW.body <> OLD.body OR NEW.body::text <> OLD.body::text))
          EXECUTE FUNCTION forget_body_digest();`,
    },
  ],
};
