import type { FastifyRequest } from 'fastify';
import { executionId, type ExecutionId } from '#domain';
import type { AuditEntry } from '#engine';
import { operationOf } from '../problem/operation.js';

/** What is asked for, before its outcome is known. */
export interface RequestedOperation {
  operation: AuditEntry['operation'];
  jobName: string | undefined;
  executionId: ExecutionId | undefined;
}

/**
 * The operation that a request asks for; undefined if its route carries out none. A refused request may be bad in any
 * part: what cannot be read is undefined.
 */
export function requestedOperation(request: FastifyRequest): RequestedOperation | undefined {
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
    executionId: executionIdIn(id),
  };
}

function executionIdIn(text: string | undefined): ExecutionId | undefined {
  const id = /^[1-9]\d{0,15}$/.test(text ?? '') ? Number(text) : NaN;
  return Number.isSafeInteger(id) ? executionId(id) : undefined;
}
