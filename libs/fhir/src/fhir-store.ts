import type { TransactionalSink } from '#job-kit';
import type { Postgres } from '#postgres';
import type { FhirRow } from './fhir-row.js';
import { FHIR_MIGRATIONS } from './migrations.js';
import { resourceTable } from './resource-table.js';

/** The FHIR resources in a database. */
export interface FhirStore {
  /** Brings the schema up to date, the sink's too. Safe in many processes at once. */
  migrate(): Promise<void>;
  /** Writes FHIR resources into the table `resource`, exactly once. */
  readonly sink: TransactionalSink<FhirRow>;
  /** Resources accepted in a step, in all executions of the instance, by resource type, sorted by it. */
  totalsByResourceType(instanceUuid: string, stepName: string): Promise<Record<string, number>>;
}

export const fhirStore = (postgres: Postgres): FhirStore => ({
  migrate: () => postgres.migrate(FHIR_MIGRATIONS),
  sink: postgres.sinkFor(resourceTable()),
  totalsByResourceType: (instanceUuid, stepName) => postgres.totalsByKind(instanceUuid, stepName),
});
