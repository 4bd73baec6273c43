import { BullModule, getQueueToken } from '@nestjs/bullmq';
import { Module, type DynamicModule } from '@nestjs/common';
import { QUEUE_KINDS, queueName, queuePrefix, type ModuleQueues } from '#queues';
import type { Queue } from 'bullmq';
import { composeEngine, type ModuleEngine, type WorkerParts } from './module-engine.js';
import { ENGINES, processorsOf, type Engines } from './processors.js';
import { PROCESSORS, WorkerLifecycle, WORKER_PARTS } from './lifecycle.js';

/** A worker process: the queues, engines and processors of every module. */
@Module({})
export class WorkerModule {
  static with(parts: WorkerParts): DynamicModule {
    const { settings, redis } = parts;
    const processors = processorsOf(settings);
    const queues = settings.modules.flatMap(({ id }) =>
      QUEUE_KINDS.map((kind) => ({
        name: queueName(id, kind),
        prefix: queuePrefix(settings.KEY_PREFIX, id),
        connection: redis,
      })),
    );
    return {
      module: WorkerModule,
      imports: [BullModule.registerQueue(...queues)],
      providers: [
        { provide: WORKER_PARTS, useValue: parts },
        { provide: PROCESSORS, useValue: processors },
        {
          provide: ENGINES,
          inject: queues.map(({ name }) => getQueueToken(name)),
          useFactory: (...opened: Queue[]): Engines => enginesOf(parts, opened),
        },
        ...processors.map(({ type }) => type),
        WorkerLifecycle,
      ],
    };
  }
}

function enginesOf(parts: WorkerParts, opened: readonly Queue[]): Engines {
  for (const queue of opened) {
    // Without a listener BullMQ prints the error as it is: one of a refused login has the password in it.
    queue.on('error', (error) => parts.log.debug('Queue error', { queue: queue.name, reason: error.message }));
  }
  const byName = new Map(opened.map((queue) => [queue.name, queue]));
  return new Map<string, ModuleEngine>(
    parts.settings.modules.map((module) => {
      const queues = Object.fromEntries(QUEUE_KINDS.map((kind) => [kind, byName.get(queueName(module.id, kind))!]));
      return [module.id, composeEngine(parts, module, queues as unknown as ModuleQueues)];
    }),
  );
}
