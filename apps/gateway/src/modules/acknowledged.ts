import type { JobOperations, Started } from '#engine';
import { connectRedis } from '#platform';
import { RedisDurability } from '#repository';
import type { Core } from '../core.module.js';

/** What a module's commands wait for before they are answered; nothing, where the settings say so. */
export async function openDurability(
  { settings, log, redis }: Core,
  moduleId: string,
): Promise<RedisDurability | undefined> {
  if (settings.ACKNOWLEDGE_AFTER === 'memory') return undefined;
  const own = connectRedis(settings.REDIS_URL, 'unhurried', log);
  return RedisDurability.open(own, redis, settings.KEY_PREFIX, moduleId, log);
}

const begunBy = ({ executionId }: Started) => executionId;

/** The same operations, answered only once Redis confirms that their writes are on disk, where it can. Work begins meanwhile. */
export const acknowledged = (operations: JobOperations, durability: RedisDurability): JobOperations => ({
  start: (request) => durability.acknowledge(() => operations.start(request), begunBy),
  stop: (id, by, requestId) => durability.acknowledge(() => operations.stop(id, by, requestId)),
  forceStop: (id, by, requestId) => durability.acknowledge(() => operations.forceStop(id, by, requestId)),
  restart: (id, by, requestId) => durability.acknowledge(() => operations.restart(id, by, requestId), begunBy),
  abandon: (id, by, requestId) => durability.acknowledge(() => operations.abandon(id, by, requestId)),
  verify: (id) => operations.verify(id),
  delete: (id, by) => durability.acknowledge(() => operations.delete(id, by)),
});
