import { differencesOf, LongshoreError } from '#domain';
import type { Job, JobRegistry } from '#job-kit';
import type { ControlledExecution } from './store.port.js';

/** The job of an execution as this process has it, or why this process cannot do its work. */
export type Served = { kind: 'served'; job: Job; parameters: unknown } | { kind: 'not-here'; reason: string };

/**
 * Finds the job of an execution: with the same version and steps, and with parameters that it accepts. Work for another
 * version is for another worker, since a fleet is updated one by one.
 */
export function serve(jobs: JobRegistry, execution: ControlledExecution): Served {
  const { jobName, definition, parameters } = execution;
  const job = jobs.find(jobName);
  if (!job) return notHere(`this worker has no job ${jobName}`);
  const differences = differencesOf(definition, job.definition);
  if (differences.length > 0) return notHere(`this worker has another ${jobName}: ${differences.join('; ')}`);
  try {
    return { kind: 'served', job, parameters: job.parse(parameters) };
  } catch (error) {
    if (!(error instanceof LongshoreError)) throw error;
    return notHere(`this worker has another ${jobName}: ${error.message}`);
  }
}

const notHere = (reason: string): Served => ({ kind: 'not-here', reason });
