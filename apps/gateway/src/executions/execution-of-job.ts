import { LongshoreError } from '#domain';
import type { ExecutionRecord } from '#engine';
import type { ModuleServices } from '../modules/modules.js';
import { executionIdOf, type JobExecutionPath } from '../requests/shapes.js';

/**
 * The execution that a path names. Its job need not be registered here any more.
 *
 * @throws LongshoreError UNKNOWN_EXECUTION also where it belongs to another job; UNKNOWN_JOB where there is no such job either
 */
export async function executionOfJob(services: ModuleServices, path: JobExecutionPath): Promise<ExecutionRecord> {
  const id = executionIdOf(path);
  const execution = await services.reader.findExecution(id);
  if (execution?.jobName === path.job_name) return execution;
  services.assertJob(path.job_name);
  throw new LongshoreError(
    'UNKNOWN_EXECUTION',
    `Job ${path.job_name} has no execution ${id} in module ${path.module_id}.`,
  );
}
