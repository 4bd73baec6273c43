import { randomUUID } from 'node:crypto';
import { executionId, executionUuid, moduleId } from '#domain';
import { fhirStore } from '#fhir';
import { jobsOf } from '#jobs';
import { openPostgres } from '#postgres';
import { createLogger } from '#platform';
import { asChild } from '../child.js';
import { timed } from '../rounds.js';

/** Plans an import and discards the plan. Prints how long that took, in ms; no database is used. */
await asChild(async ({ importDirectory, source }: { importDirectory: string; source: string }) => {
  const log = createLogger('bench', 'silent');
  const postgres = openPostgres({ databaseUrl: 'postgres://nobody@127.0.0.1:1/none', maxConnections: 1, log });
  const job = jobsOf({ importDirectory, store: fhirStore(postgres), maxLineBytes: 16_777_216 }).find('bulkImportJob');
  const step = job?.steps[0];
  if (!job || step?.kind !== 'chunk') throw new Error('bulkImportJob does not start with a chunk step.');
  const uuid = executionUuid(randomUUID());
  const context = {
    moduleId: moduleId('persistence'),
    jobName: job.name,
    executionId: executionId(1),
    executionUuid: uuid,
    instanceUuid: uuid,
    stepName: step.name,
    parameters: job.parse({ source }),
    signal: new AbortController().signal,
    log,
  };
  const plan = async () => {
    for await (const partition of step.plan(context)) if (partition.rows < 1) throw new Error('An empty partition.');
  };
  // The first one warms up, as a running worker has long done.
  await plan();
  const ms = await timed(plan);
  await postgres.close();
  return ms;
});
