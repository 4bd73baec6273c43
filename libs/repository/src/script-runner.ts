import type { RedisClient } from '#platform';
import { sources, type ScriptName } from './scripts/index.js';

type Argument = string | number;
type Reply = string | number | null | Reply[];

/** Runs a script of this module. Redis caches scripts by hash; ioredis sends one again that a restart or flush has lost. */
export type ScriptRunner = (name: ScriptName, ...args: Argument[]) => Promise<Reply>;

/** @param root the module's key root, which routes the script to the module's node */
export function scriptRunner(redis: RedisClient, root: string): ScriptRunner {
  for (const [name, lua] of sources()) redis.defineCommand(commandOf(name), { numberOfKeys: 2, lua });
  const commands = redis as unknown as Record<string, (...args: Argument[]) => Promise<Reply>>;
  return async (name, ...args) => commands[commandOf(name)]!(...declaredKeys(root), ...args);
}

/**
 * Two keys that never exist. While a cluster moves the module's slot from one node to another, it lets a script through
 * to the new one whose declared keys are not on the old one: it would find half of the module. Where several keys are
 * declared, and one is missing there too, it refuses (TRYAGAIN). So both nodes refuse until the slot has moved.
 */
const declaredKeys = (root: string): [string, string] => [root, `${root}:`];

const commandOf = (name: ScriptName): string => `longshore${name}`;

/** Checks a script's answer where it is a list. */
export function list(reply: Reply): Reply[] {
  if (!Array.isArray(reply)) throw new Error(`A list was expected from Redis, not ${JSON.stringify(reply)}.`);
  return reply;
}

/** A list of strings; what Redis holds as a number is turned into one. */
export const strings = (reply: Reply): string[] => list(reply).map(String);
