import type { ControlledExecution, ExecutionRef, TransitionListener } from '#engine';
import type { RedisClient } from '#platform';
import { decodeControlled, hashOf } from './codec.js';
import { key, keyRoot, type KeyName } from './keys.js';
import { scriptRunner, type ScriptRunner } from './script-runner.js';

/** One module in Redis, as the stores reach it. */
export interface Access {
  redis: RedisClient;
  run: ScriptRunner;
  /** A key of the module. */
  key(name: KeyName, ...args: readonly (string | number)[]): string;
}

export function accessTo(redis: RedisClient, prefix: string, moduleId: string, listener?: TransitionListener): Access {
  const root = keyRoot(prefix, moduleId);
  return { redis, run: scriptRunner(redis, root, listener), key: (name, ...args) => key(root, name, ...args) };
}

/** Reads an execution for those who work on it. */
export async function loadExecution(at: Access, { id, uuid }: ExecutionRef): Promise<ControlledExecution | undefined> {
  const execution = hashOf(Object.entries(await at.redis.hgetall(at.key('execution', id))).flat());
  return execution.get('uuid') === uuid ? decodeControlled(execution) : undefined;
}
