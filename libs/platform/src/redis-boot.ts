import { once } from 'node:events';
import type { Logger } from './logger.js';
import { CLUSTER_URL_FORM } from './redis-cluster-url.js';
import { connectRedis, isCluster, nodesOf, reasonOf, type RedisClient, type RedisProfile } from './redis.js';

/**
 * As {@link connectRedis}; resolves when Redis is there, and has looked whether it will do. A `patient` process waits for
 * it, however long, and says so.
 *
 * @throws Error if it is not there and the process is not `patient`, or refuses the credentials; if the `maxmemory-policy` of any node is not `noeviction`, since executions would
 *   vanish; if the URL names one Redis and finds a node of a cluster
 */
export async function openRedis(url: string, profile: RedisProfile, log: Logger): Promise<RedisClient> {
  const redis = connectRedis(url, profile, log);
  try {
    const infos = await lookAtAll(redis, waiterOf(profile, log)).catch((error: Error) => {
      throw new Error(`Redis (REDIS_URL) is not there: ${reasonOf(error)}.`);
    });
    for (const info of infos) refuse(info, isCluster(redis));
    return redis;
  } catch (error) {
    redis.disconnect();
    throw error;
  }
}

/** Called with each failure to connect; throws where no further try is made. */
type OnFailure = (error: Error) => void;

/** What Redis answers to a login that it refuses: waiting does not help. */
const REFUSED = /^(WRONGPASS|NOAUTH|NOPERM|ERR (AUTH|invalid password))/;

function waiterOf(profile: RedisProfile, log: Logger): OnFailure {
  let told = false;
  return (error) => {
    const reason = reasonOf(error);
    if (profile !== 'patient' || REFUSED.test(reason)) throw error;
    if (!told) log.warn('Worker waits: Redis (REDIS_URL) cannot be reached', { reason });
    told = true;
  };
}

/** The INFO of each node, when all answer. */
async function lookAtAll(redis: RedisClient, onFailure: OnFailure): Promise<string[]> {
  for (let ready = false; !ready;) {
    ready = await once(redis, 'ready').then(
      () => true,
      (error: Error) => {
        onFailure(error);
        return false;
      },
    );
  }
  return Promise.all(nodesOf(redis, 'all').map((node) => node.info()));
}

/** Checks the INFO of one node. */
function refuse(info: string, inCluster: boolean): void {
  const policy = /maxmemory_policy:(\S+)/.exec(info)?.[1];
  if (policy !== undefined && policy !== 'noeviction') {
    throw new Error(
      `Redis refused: its maxmemory-policy is ${policy}, so it may evict executions. Set it to noeviction (CONFIG SET maxmemory-policy noeviction).`,
    );
  }
  if (!inCluster && /^cluster_enabled:1/m.test(info)) {
    throw new Error(`Redis refused: it is a node of a cluster. Name the cluster in REDIS_URL: ${CLUSTER_URL_FORM}`);
  }
}
