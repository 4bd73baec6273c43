/**
 * Every Redis key of a module, named once: TypeScript and Lua are both generated from this table.
 * `?` stands for an argument. docs/redis-keys.md tells what each holds (a test holds the two together).
 *
 * All keys begin with the module's root, whose braces make one hash tag of the module's id: in a Redis Cluster a
 * module lives in one slot, so its scripts are atomic, and modules spread over the nodes.
 */
export const KEYS = {
  lastExecutionId: 'last-id:execution',
  lastInstanceId: 'last-id:instance',
  uuids: 'uuids',
  running: 'running',
  unsettled: 'unsettled',
  forgotten: 'forgotten',
  ended: 'ended:?',
  audit: 'audit',
  barrier: 'barrier',
  execution: 'execution:?',
  steps: 'execution:?:steps',
  stepExecution: 'execution:?:step:?',
  inFlight: 'execution:?:in-flight',
  lease: 'execution:?:lease',
  nudge: 'execution:?:nudge',
  instance: 'instance:?',
  plan: 'instance:?:plan:?',
  completed: 'instance:?:completed:?',
  positions: 'instance:?:positions:?',
  instances: 'job:?:instances',
  instancesByStatus: 'job:?:instances:?',
  identity: 'job:?:identity:?',
  idempotency: 'idempotency:?',
} as const;

export type KeyName = keyof typeof KEYS;

/** First part of all keys of a module, e.g. `longshore:{persistence}:`. */
export const keyRoot = (prefix: string, moduleId: string): string => `${prefix}:{${moduleId}}:`;

/** A key of the module, e.g. `key(root, 'stepExecution', 33, '0.17')`. */
export function key(root: string, name: KeyName, ...args: readonly (string | number)[]): string {
  let next = 0;
  return root + KEYS[name].replaceAll('?', () => String(args[next++]));
}

/**
 * A step execution's name within its execution, as `steps` lists it and `stepExecution` takes it:
 * `0` is the first step, `0.17` its eighteenth partition.
 */
export const stepKey = (step: number, partition?: number): string =>
  partition === undefined ? String(step) : `${step}.${partition}`;
