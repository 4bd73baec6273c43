/** How many failures an execution keeps, and how long a message, an exit code, a result and a name may be, in characters. */
export const LIMITS = {
  failures: 20,
  message: 4_000,
  exitCode: 100,
  exitDescription: 4_000,
  result: 16_000,
  results: 100,
  resultName: 100,
  position: 16_000,
  partitionData: 16_000,
} as const;
