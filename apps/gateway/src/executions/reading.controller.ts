import { Controller, Get, Inject } from '@nestjs/common';
import { isRunning } from '#domain';
import type { ExecutionReader, InstanceRecord } from '#engine';
import { RequirePermission } from '../auth/rules.js';
import { ListingLimit } from '../limits/listing-limit.js';
import { Modules } from '../modules/modules.js';
import { Answers } from '../openapi/answers.js';
import { Checked, type CheckedRequest } from '../requests/request.js';
import {
  executionIdOf,
  instanceQueryOf,
  JobExecutionPath,
  JobPath,
  ListQuery,
  ModulePath,
  StepQuery,
  uuidOf,
} from '../requests/shapes.js';
import type { ValueOf } from '../schema/schema.js';
import { executionOfJob } from './execution-of-job.js';
import { INSTANCES, instancesJson, JOBS, jobsJson, type InstancesJson } from './list-view.js';
import { nobodyThere } from './nobody-there.js';
import { EXECUTION, executionJson, type ExecutionJson } from './single-view.js';
import { VERIFICATION } from './verification.js';

const OF_MODULE = { path: ModulePath };
const LIST = { path: JobPath, query: ListQuery };
const SINGLE = { path: JobExecutionPath, query: StepQuery };
const VERIFY = { path: JobExecutionPath };

/** The contract's 33.2.1 and 33.2.2, and the view of a single execution. */
@Controller('batch-job')
export class ReadingController {
  private readonly listings = new ListingLimit();

  constructor(@Inject(Modules) private readonly modules: Modules) {}

  @Get(':module_id')
  @RequirePermission('VIEW_BATCH_JOBS')
  @Answers(200, JOBS, 'The names of all jobs of a module')
  jobs(@Checked(OF_MODULE) { path }: CheckedRequest<typeof OF_MODULE>) {
    return jobsJson(this.modules.get(path.module_id).jobs.names);
  }

  @Get(':module_id/:job_name')
  @RequirePermission('VIEW_BATCH_JOBS')
  @Answers(200, INSTANCES, 'Instances of a job, the newest first, with their executions, the newest first')
  async list(@Checked(LIST) { path, query }: CheckedRequest<typeof LIST>): Promise<InstancesJson> {
    const services = this.modules.get(path.module_id);
    const instances = await this.listings.run(() => findInstances(services.reader, path.job_name, query));
    // Executions outlive the registration of their job.
    if (instances.length === 0) services.assertJob(path.job_name);
    return instancesJson(path.module_id, instances);
  }

  @Get(':module_id/:job_name/:job_execution_id')
  @RequirePermission('VIEW_BATCH_JOBS')
  @Answers(200, EXECUTION, 'One execution, with a page of its steps in start order')
  async single(@Checked(SINGLE) { path, query }: CheckedRequest<typeof SINGLE>): Promise<ExecutionJson> {
    const services = this.modules.get(path.module_id);
    const id = executionIdOf(path);
    const page = { stepStart: Number(query.stepStart), stepCount: Number(query.stepCount) };
    const [execution, steps] = await Promise.all([
      executionOfJob(services, path),
      services.reader.listSteps(id, page.stepStart, page.stepCount),
    ]);
    const warning = isRunning(execution.status) ? await nobodyThere(services) : undefined;
    return executionJson(path.module_id, execution, { ...page, steps }, warning);
  }

  @Get(':module_id/:job_name/:job_execution_id/verify')
  @RequirePermission('VIEW_BATCH_JOBS')
  @Answers(200, VERIFICATION, 'Compares an execution with what its database holds')
  async verify(@Checked(VERIFY) { path }: CheckedRequest<typeof VERIFY>): Promise<ValueOf<typeof VERIFICATION>> {
    const services = this.modules.get(path.module_id);
    await executionOfJob(services, path);
    return services.operations.verify(executionIdOf(path));
  }
}

/** By UUID there is at most one; the other parameters narrow that down as they do a listing. */
async function findInstances(reader: ExecutionReader, jobName: string, query: ListQuery): Promise<InstanceRecord[]> {
  const uuid = uuidOf(query);
  const wanted = instanceQueryOf(query);
  if (uuid === undefined) return reader.listInstances(jobName, wanted);
  const instance = await reader.findByUuid(jobName, uuid);
  const { start, count, statuses, before = Infinity } = wanted;
  const matches = instance?.executions.some(
    ({ id, status }) => id < before && (statuses.length === 0 || statuses.includes(status)),
  );
  return instance && matches ? [instance].slice(start, start + count) : [];
}
