import { BullModule, getQueueToken } from '@nestjs/bullmq';
import { Global, Inject, Module, type DynamicModule, type OnModuleInit } from '@nestjs/common';
import type { Queue } from 'bullmq';
import type { Logger } from '#platform';
import { QUEUE_KINDS, queueName, queuePrefix, type ModuleQueues, type QueueKind } from '#queues';
import { LOG, type Core } from '../core.module.js';

/** Every module's queues, by module id. */
export type QueuesByModule = ReadonlyMap<string, ModuleQueues>;

export const QUEUES = Symbol('queues');

/** Registers the queues of all modules with `@nestjs/bullmq`, on the connection handed in; BullMQ does not close that. */
@Global()
@Module({})
export class QueuesModule implements OnModuleInit {
  constructor(
    @Inject(QUEUES) private readonly queues: QueuesByModule,
    @Inject(LOG) private readonly log: Logger,
  ) {}

  static with({ settings, redis }: Core): DynamicModule {
    const named = settings.modules.flatMap(({ id }) =>
      QUEUE_KINDS.map((kind) => ({ moduleId: id, kind, name: queueName(id, kind) })),
    );
    return {
      module: QueuesModule,
      imports: [
        BullModule.registerQueue(
          ...named.map(({ moduleId, name }) => ({
            name,
            connection: redis,
            prefix: queuePrefix(settings.KEY_PREFIX, moduleId),
          })),
        ),
      ],
      providers: [
        {
          provide: QUEUES,
          inject: named.map(({ name }) => getQueueToken(name)),
          useFactory: (...queues: Queue[]) => byModule(named, queues),
        },
      ],
      exports: [QUEUES],
    };
  }

  /** A queue without an error listener would end the process when Redis becomes unavailable. */
  onModuleInit(): void {
    for (const queue of [...this.queues.values()].flatMap((kinds) => Object.values(kinds))) {
      queue.on('error', (error) => this.log.debug('Queue error', { queue: queue.name, reason: error.message }));
    }
  }
}

function byModule(named: readonly { moduleId: string; kind: QueueKind }[], queues: readonly Queue[]): QueuesByModule {
  const grouped = new Map<string, Partial<Record<QueueKind, Queue>>>();
  named.forEach(({ moduleId, kind }, index) => {
    grouped.set(moduleId, { ...grouped.get(moduleId), [kind]: queues[index] });
  });
  return grouped as Map<string, ModuleQueues>;
}
