/** The name of a partition's step execution, e.g. `bulkImportProcessingStep:FILE0:Rows 0 - 99` (the contract, 33.2.2). */
export const partitionStepName = (stepName: string, label: string): string => `${stepName}:${label}`;
