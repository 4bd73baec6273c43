import { nodesOf, type RedisClient } from './redis.js';

/** From this skew on, in ms, a process warns: times in its log do not fit those that are stored. */
export const SKEW_TO_WARN_MS = 2_000;
/** From this skew on, in ms, a worker takes no work: BullMQ goes by the workers' clocks when it delays a job. */
export const SKEW_TO_REFUSE_MS = 60_000;

/**
 * How far this process's clock is ahead of Redis's, in ms; negative where it is behind. Half the way there and back is taken
 * off, so it is exact to about that.
 */
export async function clockSkew(redis: RedisClient): Promise<number> {
  const [node = redis] = nodesOf(redis);
  const asked = Date.now();
  const [seconds = 0, microseconds = 0] = (await node.time()).map(Number);
  const answered = Date.now();
  return Math.round((asked + answered) / 2 - (seconds * 1_000 + microseconds / 1_000));
}
