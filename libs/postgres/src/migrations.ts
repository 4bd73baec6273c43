import type { MigrationSet } from './migrate.js';

/** The tables of gate, fence, checkpoint and ledger. */
export const SINK_MIGRATIONS: MigrationSet = {
  owner: 'postgres',
  migrations: [
    {
      id: '0001_checkpoints',
      sql: `
        CREATE TABLE execution_gate (
          execution_uuid uuid PRIMARY KEY,
          instance_uuid uuid NOT NULL,
          open boolean NOT NULL,
          sealed_mark bigint
        );
        CREATE INDEX execution_gate_by_instance ON execution_gate (instance_uuid) WHERE open;
        COMMENT ON COLUMN execution_gate.sealed_mark IS 'set once the execution is known to have COMPLETED';
        CREATE TABLE partition_checkpoint (
          instance_uuid uuid NOT NULL,
          step_name text NOT NULL,
          partition integer NOT NULL CHECK (partition >= 0),
          execution_uuid uuid NOT NULL,
          fence bigint NOT NULL CHECK (fence >= 1),
          position jsonb,
          finished boolean NOT NULL DEFAULT false,
          read_count bigint NOT NULL DEFAULT 0,
          write_count bigint NOT NULL DEFAULT 0,
          filter_count bigint NOT NULL DEFAULT 0,
          skip_count bigint NOT NULL DEFAULT 0,
          commit_count bigint NOT NULL DEFAULT 0,
          rollback_count bigint NOT NULL DEFAULT 0,
          tally jsonb NOT NULL DEFAULT '{}',
          PRIMARY KEY (instance_uuid, step_name, partition),
          CONSTRAINT every_item_is_accounted_for CHECK (read_count = write_count + filter_count + skip_count)
        );
        COMMENT ON COLUMN partition_checkpoint.execution_uuid IS 'the owner: the counts are those of this execution';
        COMMENT ON COLUMN partition_checkpoint.finished IS 'read to its end';
        COMMENT ON COLUMN partition_checkpoint.tally IS 'items accepted in all executions of the instance, by kind';`,
    },
    {
      id: '0002_rejections',
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
      id: '0003_marks',
      sql: `
        CREATE TABLE database_mark (
          one boolean PRIMARY KEY DEFAULT true CHECK (one),
          database uuid NOT NULL DEFAULT gen_random_uuid(),
          mark bigint NOT NULL DEFAULT 0
        );
        INSERT INTO database_mark DEFAULT VALUES;
        COMMENT ON COLUMN database_mark.mark IS 'how many executions were sealed';`,
    },
    {
      id: '0004_order_trace',
      sql: `
        CREATE TABLE order_trace (
          instance_uuid uuid NOT NULL,
          step_name text NOT NULL,
          partition integer NOT NULL,
          taken boolean NOT NULL,
          keys bigint[] NOT NULL
        );
        ALTER TABLE order_trace ALTER COLUMN keys SET STORAGE EXTERNAL;
        CREATE INDEX order_trace_by_step ON order_trace (instance_uuid, step_name);
        COMMENT ON TABLE order_trace IS 'of running instances: rows that a chunk has left as they were, or taken over';`,
    },
  ],
};
