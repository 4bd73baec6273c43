export { binaryArray, BYTEA, INT8, int64, JSONB, TEXT, TIMESTAMPTZ, type ElementType } from './binary-array.js';
export type { ItemTable } from './item-table.js';
export type { MigrationSet, SqlMigration } from './migrate.js';
export { noteKeys } from './order-trace.js';
export { openPostgres, type Postgres, type PostgresOptions } from './postgres.js';
