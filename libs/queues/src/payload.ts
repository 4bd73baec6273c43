import { executionId, executionUuid } from '#domain';
import type { ExecutionRef, PartitionRef } from '#engine';

/** Version of the payloads. A worker refuses one that it does not know, so that fleets can be updated while they run. */
const VERSION = 1;

export interface ControlPayload {
  v: number;
  executionId: number;
  executionUUID: string;
}

export interface PartitionPayload extends ControlPayload {
  step: number;
  partition: number;
}

export const controlPayload = ({ id, uuid }: ExecutionRef): ControlPayload => ({
  v: VERSION,
  executionId: id,
  executionUUID: uuid,
});

export const partitionPayload = (ref: PartitionRef): PartitionPayload => ({
  ...controlPayload(ref),
  step: ref.step,
  partition: ref.partition,
});

/** @throws Error if the payload is of another version */
export function executionOf(payload: ControlPayload): ExecutionRef {
  if (payload.v !== VERSION)
    throw new Error(`This worker reads payload version ${VERSION}, not ${payload.v}. Update it.`);
  return { id: executionId(payload.executionId), uuid: executionUuid(payload.executionUUID) };
}

/** @throws as {@link executionOf} */
export const partitionOf = (payload: PartitionPayload): PartitionRef => ({
  ...executionOf(payload),
  step: payload.step,
  partition: payload.partition,
});
