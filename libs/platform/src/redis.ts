import ioredis, { type Cluster, type ClusterOptions, type Redis, type RedisOptions } from 'ioredis';
import type { Logger } from './logger.js';
import { CLUSTER_URL_FORM, clusterAddress, namesCluster } from './redis-cluster-url.js';

/** One Redis or a Redis Cluster. What has keys goes to the node that holds them; what has none, to any. */
export type RedisClient = Redis | Cluster;

/**
 * How a process wants its Redis connections to meet an outage. One that owes an answer for longer than `socketTimeout`
 * is given up: a peer that vanished from the network tells nobody, and TCP would go on waiting for a quarter of an hour.
 */
const PROFILES = {
  /** Gateway: a caller waits for the answer, so fail within a second, of which a busy machine may take some. */
  failFast: {
    connection: { maxRetriesPerRequest: 0, commandTimeout: 700, connectTimeout: 700, socketTimeout: 2_000 },
    enableOfflineQueue: false,
    maxRedirections: 8,
  },
  /** Gateway: as before, but an answer may take as long as a slow disk. */
  unhurried: {
    connection: { maxRetriesPerRequest: 0, commandTimeout: 5_000, connectTimeout: 800, socketTimeout: 6_000 },
    enableOfflineQueue: false,
    maxRedirections: 8,
  },
  /** Worker: nobody waits, so hold on until Redis is back. BullMQ's blocking commands stay silent for 10 s at most. */
  patient: {
    connection: { maxRetriesPerRequest: null, socketTimeout: 12_000 },
    enableOfflineQueue: true,
    maxRedirections: Infinity,
  },
} as const satisfies Record<
  string,
  { connection: RedisOptions } & Required<Pick<ClusterOptions, 'enableOfflineQueue' | 'maxRedirections'>>
>;

export type RedisProfile = keyof typeof PROFILES;

const pauseBefore = (attempt: number): number => Math.min(attempt * 100, 2_000);

/**
 * Opens a connection to one Redis (`redis://…`) or to a cluster ({@link CLUSTER_URL_FORM}); it reconnects by itself, at
 * least every two seconds, and follows a cluster's slots.
 *
 * @param log gets outages; without a listener one would end the process
 * @throws Error if the URL begins like a cluster's and is none
 */
export function connectRedis(url: string, profile: RedisProfile, log: Logger): RedisClient {
  const redis = namesCluster(url) ? connectCluster(url, profile) : connectOne(url, profile);
  tellOutages(redis, log);
  return redis;
}

// The named exports are no constructors under Vitest; the default export's members are.

function connectOne(url: string, profile: RedisProfile): Redis {
  const { connection, enableOfflineQueue } = PROFILES[profile];
  return new ioredis.Redis(url, { ...connection, enableOfflineQueue, retryStrategy: pauseBefore });
}

function connectCluster(url: string, profile: RedisProfile): Cluster {
  const address = clusterAddress(url);
  if (!address) throw new Error(`REDIS_URL must look like ${CLUSTER_URL_FORM}`);
  const { nodes, username, password, tls } = address;
  const { connection, ...rest } = PROFILES[profile];
  return new ioredis.Cluster(nodes, {
    ...rest,
    redisOptions: {
      ...connection,
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password }),
      ...(tls ? { tls: {} } : {}),
    },
    // A certificate names its host: that of a cluster with TLS is not turned into an address.
    ...(tls ? { dnsLookup: (host: string, found: HostFound) => found(null, host) } : {}),
    clusterRetryStrategy: pauseBefore,
    // Where the check finds one node away, connect() never settles (ioredis 6.0), and BullMQ's consumers wait for it for
    // ever. Without it a command tells: it is tried again, or fails.
    enableReadyCheck: false,
  });
}

type HostFound = (error: null, address: string) => void;

export const isCluster = (redis: RedisClient): redis is Cluster => redis instanceof ioredis.Cluster;

/** A connection to each server that holds keys, or, in the `role` all, to each that might one day. */
export const nodesOf = (redis: RedisClient, role: 'master' | 'all' = 'master'): Redis[] =>
  isCluster(redis) ? redis.nodes(role) : [redis];

/** A further connection of the same kind to the same place. */
export const duplicateOf = (redis: RedisClient): RedisClient =>
  isCluster(redis) ? redis.duplicate() : redis.duplicate();

/** Calls back whenever a connection is ready, at first and after each outage; in a cluster, one to any of its nodes. */
export function onRedisReady(redis: RedisClient, listener: () => void): void {
  if (!isCluster(redis)) {
    redis.on('ready', listener);
    return;
  }
  for (const node of redis.nodes()) node.on('ready', listener);
  redis.on('+node', (node: Redis) => node.on('ready', listener));
}

function tellOutages(redis: RedisClient, log: Logger): void {
  let down = false;
  const away = (error: Error): void => {
    if (!down) log.warn('Redis is unavailable; reconnecting', { reason: reasonOf(error) });
    down = true;
  };
  redis.on('error', away);
  redis.on('node error', away);
  onRedisReady(redis, () => {
    if (down) log.info('Redis is back');
    down = false;
  });
}

/** A cluster's error is general; that of the node asked last tells what is wrong. */
export function reasonOf(error: Error): string {
  const { lastNodeError } = error as { lastNodeError?: Error | null };
  return lastNodeError?.message ?? error.message;
}
