import type { DelayedWork } from '#engine';
import { nodesOf, type RedisClient } from '#platform';
import type { Queue } from 'bullmq';
import { QUEUE_KINDS, type ModuleQueues } from './names.js';
import { MAX_BACKOFF_MS } from './worker-options.js';

/** BullMQ scores a delayed job by the time at which it is due, times this, plus a count. */
const SCORE_A_MS = 0x1000;
/** Beyond the longest pause of ours a delay can only come from a wrong clock; two clocks may be a little apart. */
const LONGEST_DELAY_MS = 2 * MAX_BACKOFF_MS;
/** Most jobs promoted of one queue at a time. */
const MOST = 100;

/** The delayed jobs of a module. Workers delay jobs by their own clocks, so one that is ahead parks work far in the future. */
export class BullDelayedWork implements DelayedWork {
  constructor(
    private readonly queues: ModuleQueues,
    private readonly redis: RedisClient,
  ) {}

  async promoteFar(): Promise<number> {
    let promoted = 0;
    for (const kind of QUEUE_KINDS) promoted += await this.#promote(this.queues[kind]);
    return promoted;
  }

  async #promote(queue: Queue): Promise<number> {
    const key = queue.toKey('delayed');
    const ids = await this.redis.zrangebyscore(key, await this.#latest(), '+inf', 'LIMIT', 0, MOST);
    for (const id of ids) await (await queue.getJob(id))?.promote().catch(() => undefined); // Promoted by another.
    return ids.length;
  }

  /** By Redis's clock. */
  async #latest(): Promise<number> {
    const [node = this.redis] = nodesOf(this.redis);
    const [seconds] = await node.time();
    return (Number(seconds) * 1_000 + LONGEST_DELAY_MS) * SCORE_A_MS;
  }
}
