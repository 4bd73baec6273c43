export {
  basic,
  BatchJobClient,
  type ClientOptions,
  type ListQuery,
  type Credentials,
  type GivenParameters,
} from './client.js';
export { NoAnswerError, ProblemError, type ProblemJson } from './errors.js';
export type {
  AuditEntryJson,
  ExecutionJson,
  InstanceJson,
  ListedExecutionJson,
  SingleExecutionJson,
  StartedJson,
  StepExecutionJson,
} from './json.js';
export { until } from './until.js';
