import type { CancelChannel, ExecutionRef } from '#engine';
import type { RedisClient } from '#platform';

type How = 'stop' | 'force-stop';

const channelOf = (keyPrefix: string, moduleId: string): string => `${keyPrefix}:{${moduleId}}:cancel`;

/** Announces stopped executions by pub/sub: `<how> <UUID>`. A message that is lost costs time only: the hash is the truth. */
export class RedisCancelChannel implements CancelChannel {
  constructor(
    private readonly redis: RedisClient,
    private readonly keyPrefix: string,
    private readonly moduleId: string,
  ) {}

  async announce({ uuid }: ExecutionRef, how: How): Promise<void> {
    await this.redis.publish(channelOf(this.keyPrefix, this.moduleId), `${how} ${uuid}`);
  }
}

/** @param redis a connection of its own: it can do nothing else afterwards */
export async function onCancel(
  redis: RedisClient,
  keyPrefix: string,
  moduleId: string,
  cancelled: (executionUuid: string, how: How) => void,
): Promise<void> {
  const channel = channelOf(keyPrefix, moduleId);
  redis.on('message', (from: string, message: string) => {
    const [how, uuid = ''] = message.split(' ');
    if (from === channel && (how === 'stop' || how === 'force-stop')) cancelled(uuid, how);
  });
  await redis.subscribe(channel);
}
