/**
 * The queues of a module: `executions` moves executions on, `partitions` runs their partitions, `maintenance` sweeps.
 * Their Redis keys carry the module's hash tag, like its other keys.
 */
export const QUEUE_KINDS = ['executions', 'partitions', 'maintenance'] as const;

export type QueueKind = (typeof QUEUE_KINDS)[number];

/** E.g. `persistence-partitions`. */
export const queueName = (moduleId: string, kind: QueueKind): string => `${moduleId}-${kind}`;

/** BullMQ's key prefix, e.g. `longshore:{persistence}:queue`. */
export const queuePrefix = (keyPrefix: string, moduleId: string): string => `${keyPrefix}:{${moduleId}}:queue`;
