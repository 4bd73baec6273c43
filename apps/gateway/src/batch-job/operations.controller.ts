import { Controller, Delete, HttpCode, Inject, Post, Req, Res } from '@nestjs/common';
import { ApiBody, ApiHeader } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { AnswersOperation, ref, PathParameters, QueryParameters } from '../api/answers.js';
import { Audit } from '../audit/audit.js';
import { RequirePermission } from '../auth/rules.js';
import { Modules } from '../modules.js';
import type { Operation } from '../problem.js';
import { Ask, type Asked } from './asked.js';
import { executionOfJob } from './execution-of-job.js';
import { executionIdOf, ExecutionPath, JobExecutionPath, JobPath, StartBody, StopQuery } from './dto.js';
import { idempotencyKeyErrors, idempotencyKeyOf } from './idempotency-key.js';
import { jobParameterErrors, jobParametersOf } from './job-parameters.js';

const START = {
  path: JobPath,
  body: StartBody,
  further: ({ body, headers }: Pick<FastifyRequest, 'body' | 'headers'>) => [
    ...jobParameterErrors((body as Partial<StartBody> | null | undefined)?.jobParameters),
    ...idempotencyKeyErrors(headers),
  ],
};
const STOP = { path: ExecutionPath, query: StopQuery };
const EXECUTION = { path: ExecutionPath };
const JOB_EXECUTION = { path: JobExecutionPath };

/** The contract's answer to an operation that was carried out. */
interface Done<O extends Operation> {
  operation: O;
  success: true;
  message: string;
}

const done = <O extends Operation>(operation: O, message: string): Done<O> => ({ operation, success: true, message });

const placeOf = (moduleId: string, jobName: string, id: number): string => `/batch-job/${moduleId}/${jobName}/${id}`;

/** The contract's 33.2.3 and 33.2.4, and our start, abandon and delete. Each leaves its record in the audit. */
@Controller('batch-job')
export class OperationsController {
  constructor(
    @Inject(Modules) private readonly modules: Modules,
    @Inject(Audit) private readonly audit: Audit,
  ) {}

  @Post(':module_id/:job_name/start')
  @HttpCode(202)
  @RequirePermission('MANAGE_BATCH_JOBS')
  @PathParameters('module_id', 'job_name')
  @ApiHeader({ name: 'Idempotency-Key', required: false, schema: { type: 'string', minLength: 1, maxLength: 255 } })
  @ApiBody({ required: false, schema: ref('StartRequest') })
  @AnswersOperation(202, 'Started', 'Starts a job', { location: true, idempotent: true })
  async start(
    @Ask(START) { path, body }: Asked<typeof START>,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const services = this.modules.withJob(path.module_id, path.job_name);
    const answer = await this.audit.record(request, async (requestedBy) => {
      const { executionId, executionUuid } = await services.operations.start({
        jobName: path.job_name,
        parameters: jobParametersOf(body.jobParameters),
        requestedBy,
        ...idempotencyKeyOf(request.headers),
      });
      const message = `Started job ${path.job_name} with execution ID ${executionId}`;
      return { ...done('start', message), jobExecutionId: executionId, executionUUID: executionUuid };
    });
    reply.header('location', placeOf(path.module_id, path.job_name, answer.jobExecutionId));
    return answer;
  }

  @Post(':module_id/:job_execution_id/stop')
  @HttpCode(200)
  @RequirePermission('MANAGE_BATCH_JOBS')
  @PathParameters('module_id', 'job_execution_id')
  @QueryParameters('force')
  @AnswersOperation(200, 'Stopped', 'Stops an execution: at the next chunk boundary, or by force at once')
  async stop(@Ask(STOP) { path, query }: Asked<typeof STOP>, @Req() request: FastifyRequest) {
    const id = executionIdOf(path);
    const services = this.modules.get(path.module_id);
    const force = query.force === 'true';
    return this.audit.record(request, async (username) => {
      await services.operations[force ? 'forceStop' : 'stop'](id, username);
      return done('stop', `Batch Job ${id} ${force ? 'force-stopped' : 'stopping'}.`);
    });
  }

  @Post(':module_id/:job_execution_id/restart')
  @HttpCode(200)
  @RequirePermission('MANAGE_BATCH_JOBS')
  @PathParameters('module_id', 'job_execution_id')
  @AnswersOperation(200, 'Restarted', 'Restarts a stopped or failed execution', { location: true })
  async restart(
    @Ask(EXECUTION) { path }: Asked<typeof EXECUTION>,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const id = executionIdOf(path);
    const services = this.modules.get(path.module_id);
    return this.audit.record(request, async (username) => {
      // Asked before, so that nothing can fail once the new execution is there.
      const jobName = (await services.reader.findExecution(id))?.jobName ?? '';
      const { executionId: newId } = await services.operations.restart(id, username);
      reply.header('location', placeOf(path.module_id, jobName, newId));
      return done('restart', `Restarted job execution with ID ${id} - New execution ID is: ${newId}`);
    });
  }

  @Post(':module_id/:job_execution_id/abandon')
  @HttpCode(200)
  @RequirePermission('MANAGE_BATCH_JOBS')
  @PathParameters('module_id', 'job_execution_id')
  @AnswersOperation(200, 'Abandoned', 'Gives a stopped or failed execution up: it can never be restarted')
  async abandon(@Ask(EXECUTION) { path }: Asked<typeof EXECUTION>, @Req() request: FastifyRequest) {
    const id = executionIdOf(path);
    const services = this.modules.get(path.module_id);
    return this.audit.record(request, async (username) => {
      await services.operations.abandon(id, username);
      return done('abandon', `Batch Job ${id} abandoned.`);
    });
  }

  @Delete(':module_id/:job_name/:job_execution_id')
  @RequirePermission('MANAGE_BATCH_JOBS')
  @PathParameters('module_id', 'job_name', 'job_execution_id')
  @AnswersOperation(200, 'Deleted', 'Deletes an execution that has ended; what it has imported stays')
  async delete(@Ask(JOB_EXECUTION) { path }: Asked<typeof JOB_EXECUTION>, @Req() request: FastifyRequest) {
    const id = executionIdOf(path);
    const services = this.modules.withJob(path.module_id, path.job_name);
    return this.audit.record(request, async (username) => {
      await executionOfJob(services.reader, path);
      await services.operations.delete(id, username);
      return done('delete', `Batch Job ${id} deleted.`);
    });
  }
}
