import { expect, it } from 'vitest';
import { partitionStepName } from './step-name.js';

it('names a partition as the contract does', () => {
  expect(partitionStepName('bulkImportProcessingStep', 'FILE0:Rows 0 - 99')).toBe(
    'bulkImportProcessingStep:FILE0:Rows 0 - 99',
  );
});
