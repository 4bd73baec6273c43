import { LongshoreError } from '#domain';
import type { ExecutionReader, ExecutionRecord } from '#engine';
import { executionIdOf, type JobExecutionPath } from './dto.js';

/** The execution that a path names. @throws LongshoreError UNKNOWN_EXECUTION also where it belongs to another job */
export async function executionOfJob(reader: ExecutionReader, path: JobExecutionPath): Promise<ExecutionRecord> {
  const id = executionIdOf(path);
  const execution = await reader.findExecution(id);
  if (execution?.jobName === path.job_name) return execution;
  throw new LongshoreError(
    'UNKNOWN_EXECUTION',
    `Job ${path.job_name} has no execution ${id} in module ${path.module_id}.`,
  );
}
