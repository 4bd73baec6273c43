import { Controller, Get, Inject } from '@nestjs/common';
import type { ExecutionReader, InstanceRecord } from '#engine';
import { Answers, PathParameters, QueryParameters } from '../api/answers.js';
import { RequirePermission } from '../auth/rules.js';
import { Modules } from '../modules.js';
import { Ask, type Asked } from './asked.js';
import {
  executionIdOf,
  instanceQueryOf,
  JobExecutionPath,
  JobPath,
  ListQuery,
  ModulePath,
  StepQuery,
  uuidOf,
} from './dto.js';
import { executionOfJob } from './execution-of-job.js';
import { singleExecutionJson, type SingleExecutionJson } from './single-view.js';
import { instancesJson, jobsJson, type InstancesJson } from './view.js';

const JOBS = { path: ModulePath };
const LIST = { path: JobPath, query: ListQuery };
const SINGLE = { path: JobExecutionPath, query: StepQuery };

/** The contract's 33.2.1 and 33.2.2, and the view of a single execution. */
@Controller('batch-job')
export class ReadingController {
  constructor(@Inject(Modules) private readonly modules: Modules) {}

  @Get(':module_id')
  @RequirePermission('VIEW_BATCH_JOBS')
  @PathParameters('module_id')
  @Answers(200, 'Jobs', 'The names of all jobs of a module')
  jobs(@Ask(JOBS) { path }: Asked<typeof JOBS>) {
    return jobsJson(this.modules.get(path.module_id).jobs.names);
  }

  @Get(':module_id/:job_name')
  @RequirePermission('VIEW_BATCH_JOBS')
  @PathParameters('module_id', 'job_name')
  @QueryParameters('executionUUID', 'start', 'count', 'status')
  @Answers(200, 'JobInstances', 'Instances of a job, the newest first, with their executions, the newest first')
  async list(@Ask(LIST) { path, query }: Asked<typeof LIST>): Promise<InstancesJson> {
    const { reader } = this.modules.withJob(path.module_id, path.job_name);
    return instancesJson(path.module_id, await findInstances(reader, path.job_name, query));
  }

  @Get(':module_id/:job_name/:job_execution_id')
  @RequirePermission('VIEW_BATCH_JOBS')
  @PathParameters('module_id', 'job_name', 'job_execution_id')
  @QueryParameters('stepStart', 'stepCount')
  @Answers(200, 'JobExecution', 'One execution, with a page of its steps in start order')
  async single(@Ask(SINGLE) { path, query }: Asked<typeof SINGLE>): Promise<SingleExecutionJson> {
    const { reader } = this.modules.withJob(path.module_id, path.job_name);
    const id = executionIdOf(path);
    const page = { stepStart: Number(query.stepStart), stepCount: Number(query.stepCount) };
    const [execution, steps] = await Promise.all([
      executionOfJob(reader, path),
      reader.listSteps(id, page.stepStart, page.stepCount),
    ]);
    return singleExecutionJson(path.module_id, execution, { ...page, steps }, Date.now());
  }
}

/** By UUID there is at most one; the other parameters narrow that down as they do a listing. */
async function findInstances(reader: ExecutionReader, jobName: string, query: ListQuery): Promise<InstanceRecord[]> {
  const uuid = uuidOf(query);
  const { start, count, statuses } = instanceQueryOf(query);
  if (uuid === undefined) return reader.listInstances(jobName, { start, count, statuses });
  const instance = await reader.findByUuid(jobName, uuid);
  const wanted = instance?.executions.some(({ status }) => statuses.length === 0 || statuses.includes(status));
  return instance && wanted ? [instance].slice(start, start + count) : [];
}
