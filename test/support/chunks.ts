import { fhirStore, type FhirRow, type FhirStore } from '#fhir';
import { Rejection, type PartitionAttempt, type ProcessedChunk, type SinkExecution } from '#job-kit';
import { openPostgres, type Postgres } from '#postgres';
import { randomUUID } from 'node:crypto';
import { createLogger } from '#platform';

/** A database, and the resources in it. */
export type TestStore = Postgres & FhirStore;

/** A store on a test's database, silent. */
export function testStore(databaseUrl: string, maxConnections = 8): TestStore {
  const postgres = openPostgres({ databaseUrl, maxConnections, log: createLogger('test', 'silent') });
  return { ...postgres, ...fhirStore(postgres) };
}

/** An attempt at partition 0 of a new execution, whose gate is still to be opened. */
export function newAttempt(changes: Partial<PartitionAttempt> = {}): PartitionAttempt {
  const uuid = randomUUID();
  return { instanceUuid: uuid, executionUuid: uuid, stepName: 'step', partition: 0, skipLimit: 0, ...changes };
}

/** A row from a resource, or from its JSON where that matters. */
export function fhirRow(
  resource: { resourceType: string; id: string },
  row = 0,
  json = JSON.stringify(resource),
): FhirRow {
  return { resourceType: resource.resourceType, id: resource.id, body: Buffer.from(json), file: 'a.ndjson', row };
}

export const rejection = (row: number): Rejection =>
  new Rejection('is not valid JSON', { file: 'a.ndjson', row }, `row ${row}`);

/** A chunk of these items, its position behind the last of them. */
export const chunkOf = <O>(items: O[], changes: Partial<ProcessedChunk<O>> = {}): ProcessedChunk<O> => {
  const { rejections = [], filterCount = 0, position = { row: items.length } } = changes;
  const readCount = items.length + rejections.length + filterCount;
  return { items, rejections, readCount, filterCount, rollbackCount: 0, position, ...changes };
};

/** What an attempt's execution is to the gates. */
export const gateOf = ({ executionUuid, instanceUuid }: PartitionAttempt): SinkExecution => ({
  uuid: executionUuid,
  instanceUuid,
});
