import type { FastifyRequest } from 'fastify';
import { executionId, type ExecutionId } from '#domain';
import type { AuditEntry } from '#engine';
import { operationOf } from '../problem.reply.js';

/** What is asked for, before it is known what comes of it. */
export interface Intent {
  operation: AuditEntry['operation'];
  jobName: string | undefined;
  executionId: ExecutionId | undefined;
}

/** An operation's request, as the audit sees it. */
export type Asking = Pick<FastifyRequest, 'method' | 'routeOptions' | 'params' | 'query'>;

/** What a request asks for, as far as it can be read, since a refused one may be bad in any part; undefined if no operation. */
export function intentOf(request: Asking): Intent | undefined {
  const operation = operationOf(request);
  if (!operation) return undefined;
  const { job_name: jobName, job_execution_id: id } = request.params as {
    job_name?: string;
    job_execution_id?: string;
  };
  const { force } = request.query as { force?: unknown };
  return {
    operation: operation === 'stop' && force === 'true' ? 'force-stop' : operation,
    jobName,
    executionId: idOf(id),
  };
}

function idOf(text: string | undefined): ExecutionId | undefined {
  const id = /^[1-9]\d{0,15}$/.test(text ?? '') ? Number(text) : NaN;
  return Number.isSafeInteger(id) ? executionId(id) : undefined;
}
