/**
 * Every Redis key of a module, named once: TypeScript and Lua are both generated from this table.
 * `?` stands for an argument. docs/redis-keys.md tells what each holds (a test holds the two together).
 *
 * All keys begin with the module's root, whose braces make one hash tag of the module's id: in a Redis Cluster a
 * module lives in one slot, so its scripts are atomic, and modules spread over the nodes. A step is its name, so that a
 * job whose steps are renamed or put in another order reads nothing that another step has left.
 */
export const KEYS = {
  lastExecutionId: 'last-id:execution',
  lastInstanceId: 'last-id:instance',
  uuids: 'uuids',
  running: 'running',
  unsettled: 'unsettled',
  forgotten: 'forgotten',
  ended: 'ended:?',
  databases: 'databases',
  sealed: 'sealed:?',
  audit: 'audit',
  events: 'events',
  tally: 'tally',
  workers: 'workers',
  barrier: 'barrier',
  turn: 'turn:?',
  turns: 'turns',
  execution: 'execution:?',
  steps: 'execution:?:steps',
  stepExecution: 'execution:?:step:?',
  partitions: 'execution:?:partitions:?',
  partition: 'execution:?:step:?:?',
  inFlight: 'execution:?:in-flight:?',
  lease: 'execution:?:lease',
  nudge: 'execution:?:nudge',
  instance: 'instance:?',
  executions: 'instance:?:executions',
  plan: 'instance:?:plan:?',
  completed: 'instance:?:completed:?',
  positions: 'instance:?:positions:?',
  instances: 'job:?:instances',
  instancesByStatuses: 'job:?:instances:?',
  statusSets: 'job:?:status-sets',
  identity: 'job:?:identity:?',
  idempotency: 'idempotency:?',
} as const;

export type KeyName = keyof typeof KEYS;

/** First part of all keys of a module, e.g. `longshore:{persistence}:`. */
export const keyRoot = (prefix: string, moduleId: string): string => `${prefix}:{${moduleId}}:`;

/** A key of the module, e.g. `key(root, 'partition', 33, 'load', 17)`. */
export function key(root: string, name: KeyName, ...args: readonly (string | number)[]): string {
  let next = 0;
  return root + KEYS[name].replaceAll('?', () => String(args[next++]));
}
