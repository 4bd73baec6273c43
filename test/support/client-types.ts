import type { InstanceJson, SingleExecutionJson } from '#client';
import type { ExecutionJson as SentExecution } from '../../apps/gateway/src/executions/single-view.js';
import type { InstancesJson as SentInstances } from '../../apps/gateway/src/executions/list-view.js';

/** What the gateway sends is what the client reads: where a field is changed on one side only, this does not compile. */
export const asRead: {
  view(sent: SentExecution): SingleExecutionJson;
  list(sent: SentInstances): { jobInstances: InstanceJson[] };
} = { view: (sent) => sent, list: (sent) => sent };
