import type { CancelChannel, ExecutionRef } from '#engine';
import type { RedisClient } from '#platform';

const channelOf = (keyPrefix: string, moduleId: string): string => `${keyPrefix}:{${moduleId}}:cancel`;

/** Announces force-stopped executions by pub/sub. A message that is lost costs time only: the hash is the truth. */
export class RedisCancelChannel implements CancelChannel {
  constructor(
    private readonly redis: RedisClient,
    private readonly keyPrefix: string,
    private readonly moduleId: string,
  ) {}

  async announce({ uuid }: ExecutionRef): Promise<void> {
    await this.redis.publish(channelOf(this.keyPrefix, this.moduleId), uuid);
  }
}

/** @param redis a connection of its own: it can do nothing else afterwards */
export async function onCancel(
  redis: RedisClient,
  keyPrefix: string,
  moduleId: string,
  cancelled: (executionUuid: string) => void,
): Promise<void> {
  const channel = channelOf(keyPrefix, moduleId);
  redis.on('message', (from: string, uuid: string) => {
    if (from === channel) cancelled(uuid);
  });
  await redis.subscribe(channel);
}
