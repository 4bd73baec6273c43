import { Controller, Delete, HttpCode, Inject, Post, Req, Res } from '@nestjs/common';
import { ApiHeader } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Audited } from '../audit/audited.js';
import { RequestId, Username } from '../auth/caller.js';
import { RequirePermission } from '../auth/rules.js';
import { Modules } from '../modules/modules.js';
import { AnswersOperation } from '../openapi/answers.js';
import { Checked, type CheckedRequest } from '../requests/request.js';
import {
  executionIdOf,
  ExecutionPath,
  JobExecutionPath,
  JobPath,
  StartRequest,
  StopQuery,
} from '../requests/shapes.js';
import { executionOfJob } from './execution-of-job.js';
import { idempotencyKeyErrors, idempotencyKeyOf } from './idempotency-key.js';
import { jobParameterErrors, jobParametersOf } from './job-parameters.js';
import { nobodyThere } from './nobody-there.js';
import { ABANDONED, DELETED, done, RESTARTED, STARTED, STOPPED, type Answer } from './operation-answers.js';

const START = {
  path: JobPath,
  body: StartRequest,
  furtherErrors: ({ body, headers }: Pick<FastifyRequest, 'body' | 'headers'>) => [
    ...jobParameterErrors((body as Partial<StartRequest> | null | undefined)?.jobParameters),
    ...idempotencyKeyErrors(headers),
  ],
};
const STOP = { path: ExecutionPath, query: StopQuery };
const OF_EXECUTION = { path: ExecutionPath };
const OF_JOB_EXECUTION = { path: JobExecutionPath };

const locationOf = (moduleId: string, jobName: string, id: number): string => `/batch-job/${moduleId}/${jobName}/${id}`;

/** The contract's 33.2.3 and 33.2.4, and our start, abandon and delete. */
@Controller('batch-job')
export class OperationsController {
  constructor(@Inject(Modules) private readonly modules: Modules) {}

  @Post(':module_id/:job_name/start')
  @HttpCode(202)
  @Audited('start')
  @RequirePermission('MANAGE_BATCH_JOBS')
  @ApiHeader({ name: 'Idempotency-Key', required: false, schema: { type: 'string', minLength: 1, maxLength: 255 } })
  @AnswersOperation(202, STARTED, 'Starts a job', { location: true, idempotent: true })
  async start(
    @Checked(START) { path, body }: CheckedRequest<typeof START>,
    @Username() requestedBy: string,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Answer<typeof STARTED> {
    const services = this.modules.withJob(path.module_id, path.job_name);
    const { executionId, executionUuid } = await services.operations.start({
      jobName: path.job_name,
      parameters: jobParametersOf(body.jobParameters),
      requestedBy,
      requestId: request.id,
      ...idempotencyKeyOf(request.headers),
    });
    reply.header('location', locationOf(path.module_id, path.job_name, executionId));
    const message = `Started job ${path.job_name} with execution ID ${executionId}`;
    return {
      ...done('start', message),
      jobExecutionId: executionId,
      executionUUID: executionUuid,
      warning: await nobodyThere(services),
    };
  }

  @Post(':module_id/:job_execution_id/stop')
  @HttpCode(200)
  @Audited('stop')
  @RequirePermission('MANAGE_BATCH_JOBS')
  @AnswersOperation(200, STOPPED, 'Stops an execution: at the next chunk boundary, or by force at once')
  async stop(
    @Checked(STOP) { path, query }: CheckedRequest<typeof STOP>,
    @Username() username: string,
    @RequestId() requestId: string,
  ): Answer<typeof STOPPED> {
    const id = executionIdOf(path);
    const force = query.force === 'true';
    await this.modules.get(path.module_id).operations[force ? 'forceStop' : 'stop'](id, username, requestId);
    return done('stop', `Batch Job ${id} ${force ? 'force-stopped' : 'stopping'}.`);
  }

  @Post(':module_id/:job_execution_id/restart')
  @HttpCode(200)
  @Audited('restart')
  @RequirePermission('MANAGE_BATCH_JOBS')
  @AnswersOperation(200, RESTARTED, 'Restarts a stopped or failed execution', { location: true })
  async restart(
    @Checked(OF_EXECUTION) { path }: CheckedRequest<typeof OF_EXECUTION>,
    @Username() username: string,
    @RequestId() requestId: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Answer<typeof RESTARTED> {
    const id = executionIdOf(path);
    const { reader, operations } = this.modules.get(path.module_id);
    // Read before, so that nothing can fail once the new execution exists.
    const jobName = (await reader.findExecution(id))?.jobName ?? '';
    const { executionId: newId } = await operations.restart(id, username, requestId);
    reply.header('location', locationOf(path.module_id, jobName, newId));
    return done('restart', `Restarted job execution with ID ${id} - New execution ID is: ${newId}`);
  }

  @Post(':module_id/:job_execution_id/abandon')
  @HttpCode(200)
  @Audited('abandon')
  @RequirePermission('MANAGE_BATCH_JOBS')
  @AnswersOperation(200, ABANDONED, 'Gives a stopped or failed execution up: it can never be restarted')
  async abandon(
    @Checked(OF_EXECUTION) { path }: CheckedRequest<typeof OF_EXECUTION>,
    @Username() username: string,
    @RequestId() requestId: string,
  ): Answer<typeof ABANDONED> {
    const id = executionIdOf(path);
    await this.modules.get(path.module_id).operations.abandon(id, username, requestId);
    return done('abandon', `Batch Job ${id} abandoned.`);
  }

  @Delete(':module_id/:job_name/:job_execution_id')
  @Audited('delete')
  @RequirePermission('MANAGE_BATCH_JOBS')
  @AnswersOperation(200, DELETED, 'Deletes an execution that has ended; what it has imported stays')
  async delete(
    @Checked(OF_JOB_EXECUTION) { path }: CheckedRequest<typeof OF_JOB_EXECUTION>,
    @Username() username: string,
  ): Answer<typeof DELETED> {
    const id = executionIdOf(path);
    const services = this.modules.get(path.module_id);
    await executionOfJob(services, path);
    await services.operations.delete(id, username);
    return done('delete', `Batch Job ${id} deleted.`);
  }
}
