import { executionId, executionUuid, type BatchStatus, type ExecutionId, type ExecutionUuid } from '#domain';
import type { InstanceQuery } from '#engine';
import { map } from '../schema/schema.js';
import {
  Name,
  Optional,
  PlainObject,
  Statuses,
  statusWords,
  StreamId,
  TrueOrFalse,
  Uuid,
  WholeNumber,
} from './checks.js';

/** Longest names, as the settings (module ids) and the job kit (job names) have them. */
const MODULE_ID_LENGTH = 64;
const JOB_NAME_LENGTH = 100;

/** Most results, or steps, of one answer. */
export const MOST = 1_000;
export const DEFAULT_COUNT = 20;
export const DEFAULT_STEP_COUNT = 100;

export class ModulePath {
  @Name(MODULE_ID_LENGTH) module_id = '';
}

export class JobPath extends ModulePath {
  @Name(JOB_NAME_LENGTH) job_name = '';
}

export class ExecutionPath extends ModulePath {
  @WholeNumber(1, Number.MAX_SAFE_INTEGER) job_execution_id = '';
}

export class JobExecutionPath extends JobPath {
  @WholeNumber(1, Number.MAX_SAFE_INTEGER) job_execution_id = '';
}

export class ListQuery {
  @Optional() @Uuid() executionUUID: string | undefined = undefined;
  @WholeNumber(0, Number.MAX_SAFE_INTEGER) start = '0';
  @WholeNumber(1, MOST) count = String(DEFAULT_COUNT);
  @Optional() @Statuses() status: string | string[] | undefined = undefined;
  /** Only executions with a lower number: asks for those behind a list that was cut. */
  @Optional() @WholeNumber(1, Number.MAX_SAFE_INTEGER) beforeExecution: string | undefined = undefined;
}

export class StopQuery {
  @TrueOrFalse() force = 'false';
}

export class StepQuery {
  @WholeNumber(0, Number.MAX_SAFE_INTEGER) stepStart = '0';
  @WholeNumber(1, MOST) stepCount = String(DEFAULT_STEP_COUNT);
}

export class AuditQuery {
  @Optional() @StreamId() before: string | undefined = undefined;
  @WholeNumber(1, MOST) count = String(DEFAULT_STEP_COUNT);
}

export class StartRequest {
  @PlainObject(map({ type: ['string', 'number', 'boolean'] })) jobParameters: object = {};
}

export const executionIdOf = ({ job_execution_id }: { job_execution_id: string }): ExecutionId =>
  executionId(Number(job_execution_id));

export const uuidOf = ({ executionUUID }: ListQuery): ExecutionUuid | undefined =>
  executionUUID === undefined ? undefined : executionUuid(executionUUID.toLowerCase());

export const instanceQueryOf = ({ start, count, status, beforeExecution }: ListQuery): InstanceQuery => ({
  start: Number(start),
  count: Number(count),
  statuses: status === undefined ? [] : [...new Set(statusWords(status) as BatchStatus[])],
  before: beforeExecution === undefined ? undefined : executionId(Number(beforeExecution)),
});
