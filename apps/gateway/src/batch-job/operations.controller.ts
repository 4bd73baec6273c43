import { Controller, HttpCode, Inject, Post, Req, Res } from '@nestjs/common';
import { ApiBody, ApiHeader } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from '#platform';
import { AnswersOperation, ref, PathParameters, QueryParameters } from '../api/answers.js';
import { RequirePermission } from '../auth/rules.js';
import { LOG } from '../core.module.js';
import { Modules } from '../modules.js';
import type { Operation } from '../problem.js';
import { Ask, type Asked } from './asked.js';
import { executionIdOf, ExecutionPath, JobPath, StartBody, StopQuery } from './dto.js';
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

/** The contract's answer to an operation that was carried out. */
interface Done<O extends Operation> {
  operation: O;
  success: true;
  message: string;
}

const done = <O extends Operation>(operation: O, message: string): Done<O> => ({ operation, success: true, message });

const placeOf = (moduleId: string, jobName: string, id: number): string => `/batch-job/${moduleId}/${jobName}/${id}`;

/** The contract's 33.2.3 and 33.2.4, and our start and abandon. */
@Controller('batch-job')
export class OperationsController {
  constructor(
    @Inject(Modules) private readonly modules: Modules,
    @Inject(LOG) private readonly log: Logger,
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
    const user = usernameOf(request);
    const { operations } = this.modules.withJob(path.module_id, path.job_name);
    const { executionId: id, executionUuid } = await operations.start({
      jobName: path.job_name,
      parameters: jobParametersOf(body.jobParameters),
      requestedBy: user,
      ...idempotencyKeyOf(request.headers),
    });
    this.record('start', path.module_id, id, user);
    reply.header('location', placeOf(path.module_id, path.job_name, id));
    return {
      ...done('start', `Started job ${path.job_name} with execution ID ${id}`),
      jobExecutionId: id,
      executionUUID: executionUuid,
    };
  }

  @Post(':module_id/:job_execution_id/stop')
  @HttpCode(200)
  @RequirePermission('MANAGE_BATCH_JOBS')
  @PathParameters('module_id', 'job_execution_id')
  @QueryParameters('force')
  @AnswersOperation(200, 'Stopped', 'Stops an execution: at the next chunk boundary, or by force at once')
  async stop(@Ask(STOP) { path, query }: Asked<typeof STOP>, @Req() request: FastifyRequest) {
    const id = executionIdOf(path);
    const user = usernameOf(request);
    const { operations } = this.modules.get(path.module_id);
    const force = query.force === 'true';
    await (force ? operations.forceStop(id, user) : operations.stop(id, user));
    this.record(force ? 'force stop' : 'stop', path.module_id, id, user);
    return done('stop', `Batch Job ${id} ${force ? 'force-stopped' : 'stopping'}.`);
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
    const user = usernameOf(request);
    const { operations, reader } = this.modules.get(path.module_id);
    // Asked before, so that nothing can fail once the new execution is there.
    const jobName = (await reader.findExecution(id))?.jobName ?? '';
    const { executionId: newId } = await operations.restart(id, user);
    this.record('restart', path.module_id, id, user);
    reply.header('location', placeOf(path.module_id, jobName, newId));
    return done('restart', `Restarted job execution with ID ${id} - New execution ID is: ${newId}`);
  }

  @Post(':module_id/:job_execution_id/abandon')
  @HttpCode(200)
  @RequirePermission('MANAGE_BATCH_JOBS')
  @PathParameters('module_id', 'job_execution_id')
  @AnswersOperation(200, 'Abandoned', 'Gives a stopped or failed execution up: it can never be restarted')
  async abandon(@Ask(EXECUTION) { path }: Asked<typeof EXECUTION>, @Req() request: FastifyRequest) {
    const id = executionIdOf(path);
    const user = usernameOf(request);
    await this.modules.get(path.module_id).operations.abandon(id, user);
    this.record('abandon', path.module_id, id, user);
    return done('abandon', `Batch Job ${id} abandoned.`);
  }

  /** Leaves in the log who did what. */
  private record(operation: string, moduleId: string, executionId: number, requestedBy: string): void {
    this.log.info('Operation carried out', { operation, moduleId, executionId, requestedBy });
  }
}

/** Every route here has a permission for a rule, so the guard has set the user. */
function usernameOf({ user }: FastifyRequest): string {
  if (!user) throw new Error('A guarded route was reached without a user.');
  return user.username;
}
