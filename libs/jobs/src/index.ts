import { jobRegistry, type JobRegistry } from '#job-kit';
import { bulkImportJob } from './bulk-import/bulk-import-job.js';
import type { JobModule } from './module.js';
import { noopJob } from './noop/noop-job.js';

export { NOOP_VERSIONS, type NoopVersion } from './noop/noop-job.js';

export type { JobModule } from './module.js';

/** Every job of a module. A new one is added here. */
export const jobsOf = (module: JobModule): JobRegistry =>
  jobRegistry([bulkImportJob(module), noopJob(module.noopVersion)]);
