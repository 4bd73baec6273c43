import { expect, it } from 'vitest';
import { executionId, executionUuid } from '#domain';
import { controlPayload, executionOf, partitionOf, partitionPayload, stepOf, stepPayload } from './payload.js';

const execution = {
  id: executionId(7),
  uuid: executionUuid('0b7c7cf1-7a3b-4a4e-8f43-3a3d3a0f2b11'),
  jobName: 'bulkImportJob',
  jobVersion: '2024.1',
};
const { id, uuid } = execution;

const overTheWire = <T>(payload: T): T => JSON.parse(JSON.stringify(payload)) as T;

it('carries a step by its name, and the job with its version', () => {
  expect(stepPayload(execution, 'load')).toEqual({
    v: 2,
    executionId: 7,
    executionUUID: uuid,
    jobName: 'bulkImportJob',
    jobVersion: '2024.1',
    step: 'load',
  });
  expect(partitionPayload(execution, 'load', 3)).toEqual({ ...stepPayload(execution, 'load'), partition: 3 });
});

it('is read as it was written, through JSON', () => {
  expect(executionOf(overTheWire(controlPayload(execution)))).toEqual({ id, uuid });
  expect(stepOf(overTheWire(stepPayload(execution, 'load')))).toEqual({ id, uuid, step: 'load' });
  expect(partitionOf(overTheWire(partitionPayload(execution, 'load', 3)))).toEqual({
    id,
    uuid,
    step: 'load',
    partition: 3,
  });
});

it.each([1, 3])('is refused in version %d', (v) => {
  expect(() => executionOf({ ...controlPayload(execution), v })).toThrow(
    `This worker reads payload version 2, not ${v}. Update it.`,
  );
});
