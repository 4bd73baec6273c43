import type { Queue } from 'bullmq';

/**
 * The queues of a module: `executions` moves executions on, `steps` runs tasklets and plans, `partitions` runs partitions.
 * Their Redis keys carry the module's hash tag, like its other keys.
 */
export const QUEUE_KINDS = ['executions', 'steps', 'partitions'] as const;

export type QueueKind = (typeof QUEUE_KINDS)[number];

/** E.g. `persistence-partitions`. */
export const queueName = (moduleId: string, kind: QueueKind): string => `${moduleId}-${kind}`;

/** BullMQ's key prefix, e.g. `longshore:{persistence}:queue`. */
export const queuePrefix = (keyPrefix: string, moduleId: string): string => `${keyPrefix}:{${moduleId}}:queue`;

/** A module's queues. */
export type ModuleQueues = Readonly<Record<QueueKind, Queue>>;
