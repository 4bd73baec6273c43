import type { RedisClient } from '#platform';
import type { TransitionListener } from '#engine';
import { eventOf } from './event-log.js';
import { hashOf } from './codec.js';
import { inOrder, RECORDING, SOURCES, type Arguments, type ScriptName } from './scripts/index.js';

export type Reply = string | number | null | Reply[];

/** Runs a script of this module. Redis caches scripts by hash; ioredis sends one again that a restart or flush has lost. */
export type ScriptRunner = <S extends ScriptName>(name: S, given: Arguments<S>) => Promise<Reply>;

/**
 * @param root the module's key root, which routes the script to the module's node
 * @param listener gets each transition that a call has written, once: a repeated call writes nothing
 */
export function scriptRunner(redis: RedisClient, root: string, listener: TransitionListener = () => {}): ScriptRunner {
  for (const [name, lua] of SOURCES) redis.defineCommand(commandOf(name), { numberOfKeys: 2, lua });
  const commands = redis as unknown as Record<string, (...args: (string | number)[]) => Promise<Reply>>;
  return async (name, given) => {
    const reply = await commands[commandOf(name)]!(...declaredKeys(root), ...inOrder(name, given));
    if (!RECORDING.has(name)) return reply;
    const [events, answer = null] = list(reply);
    for (const event of list(events)) {
      const [id, fields] = list(event);
      listener(eventOf(String(id), hashOf(strings(fields))));
    }
    return answer;
  };
}

/**
 * Two keys that never exist. While a cluster moves the module's slot from one node to another, it lets a script through
 * to the new one whose declared keys are not on the old one: it would find half of the module. Where several keys are
 * declared, and one is missing there too, it refuses (TRYAGAIN). So both nodes refuse until the slot has moved.
 */
const declaredKeys = (root: string): [string, string] => [root, `${root}:`];

const commandOf = (name: ScriptName): string => `longshore${name}`;

/** Checks a script's answer where it is a list. */
export function list(reply: Reply | undefined): Reply[] {
  if (!Array.isArray(reply)) throw new Error(`A list was expected from Redis, not ${JSON.stringify(reply)}.`);
  return reply;
}

/** A list of strings; what Redis holds as a number is turned into one. */
export const strings = (reply: Reply | undefined): string[] => list(reply).map(String);
