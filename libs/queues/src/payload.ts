import { executionId, executionUuid } from '#domain';
import type { ExecutionRef, PartitionRef, QueuedExecution, StepRef } from '#engine';

/** Version of the payloads. A worker refuses one that it does not know, so that fleets can be updated while they run. */
const VERSION = 2;

export interface ControlPayload {
  v: number;
  executionId: number;
  executionUUID: string;
}

export interface StepPayload extends ControlPayload {
  jobName: string;
  /** Version of the job as the execution has it. */
  jobVersion: string;
  /** Name of the step. */
  step: string;
}

export interface PartitionPayload extends StepPayload {
  /** Index in the step's plan, from 0. */
  partition: number;
}

export const controlPayload = ({ id, uuid }: ExecutionRef): ControlPayload => ({
  v: VERSION,
  executionId: id,
  executionUUID: uuid,
});

export const stepPayload = (execution: QueuedExecution, step: string): StepPayload => ({
  ...controlPayload(execution),
  jobName: execution.jobName,
  jobVersion: execution.jobVersion,
  step,
});

export const partitionPayload = (execution: QueuedExecution, step: string, partition: number): PartitionPayload => ({
  ...stepPayload(execution, step),
  partition,
});

/** @throws Error if the payload is of another version */
export function executionOf(payload: ControlPayload): ExecutionRef {
  if (payload.v !== VERSION)
    throw new Error(`This worker reads payload version ${VERSION}, not ${payload.v}. Update it.`);
  return { id: executionId(payload.executionId), uuid: executionUuid(payload.executionUUID) };
}

/** @throws as {@link executionOf} */
export const stepOf = (payload: StepPayload): StepRef => ({ ...executionOf(payload), step: payload.step });

/** @throws as {@link executionOf} */
export const partitionOf = (payload: PartitionPayload): PartitionRef => ({
  ...stepOf(payload),
  partition: payload.partition,
});
