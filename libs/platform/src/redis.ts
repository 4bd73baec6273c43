import ioredis, { type Redis, type RedisOptions } from 'ioredis';
import type { Logger } from './logger.js';

/**
 * How a process wants its Redis connections to meet an outage. One that owes an answer for longer than `socketTimeout`
 * is given up: a peer that vanished from the network tells nobody, and TCP would go on waiting for a quarter of an hour.
 */
const PROFILES = {
  /** Gateway: a caller waits for the answer, so fail within a second. */
  failFast: {
    maxRetriesPerRequest: 0,
    enableOfflineQueue: false,
    commandTimeout: 800,
    connectTimeout: 800,
    socketTimeout: 2_000,
  },
  /** Worker: nobody waits, so hold on until Redis is back. BullMQ's blocking commands stay silent for 10 s at most. */
  patient: { maxRetriesPerRequest: null, socketTimeout: 12_000 },
} as const satisfies Record<string, RedisOptions>;

export type RedisProfile = keyof typeof PROFILES;

/**
 * Opens a connection; it reconnects by itself, at least every two seconds.
 *
 * @param onError told of every connection error; without it an outage would end the process
 */
export function connectRedis(url: string, profile: RedisProfile, log: Logger): Redis {
  // The named export is no constructor under Vitest; the default export's member is.
  const redis = new ioredis.Redis(url, {
    ...PROFILES[profile],
    retryStrategy: (times) => Math.min(times * 100, 2_000),
  });
  let down = false;
  redis.on('error', (error: Error) => {
    if (!down) log.warn('Redis is away; reconnecting', { reason: error.message });
    down = true;
  });
  redis.on('ready', () => {
    if (down) log.info('Redis is back');
    down = false;
  });
  return redis;
}

/**
 * Refuses a Redis that may throw keys away: executions would vanish.
 *
 * @throws Error if `maxmemory-policy` is anything but `noeviction`
 */
export async function assertNoEviction(redis: Redis): Promise<void> {
  const info = await redis.info('memory');
  const policy = /maxmemory_policy:(\S+)/.exec(info)?.[1];
  if (policy !== undefined && policy !== 'noeviction') {
    throw new Error(
      `Redis refused: its maxmemory-policy is ${policy}, so it may evict executions. Set it to noeviction (CONFIG SET maxmemory-policy noeviction).`,
    );
  }
}
