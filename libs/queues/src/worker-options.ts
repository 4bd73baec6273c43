import type { WorkerOptions } from 'bullmq';

export interface Pace {
  concurrency: number;
  lockDurationMs: number;
  stalledIntervalMs: number;
  retryBackoffMs: number;
}

/** Pause of a queue's consumer whose connection was lost, in ms. */
const RETRY_DELAY_MS = 1_000;

/** Longest pause before a repeat, in ms. */
export const MAX_BACKOFF_MS = 30_000;

/**
 * How workers of ours consume a queue. A stalled job is never given up by BullMQ: a partition that keeps killing its
 * workers is recognised, and failed, by the engine.
 */
export const workerOptions = ({ concurrency, lockDurationMs, stalledIntervalMs, retryBackoffMs }: Pace) =>
  ({
    autorun: false,
    concurrency,
    lockDuration: lockDurationMs,
    // BullMQ refuses a look that comes sooner after another worker's than this. Where that one then dies, two of our
    // own looks lie almost two intervals apart, and a timer that is early by a hair costs one more: three in all.
    stalledInterval: Math.ceil(stalledIntervalMs / 3),
    maxStalledCount: Number.MAX_SAFE_INTEGER,
    // A cluster that loses all its nodes at once breaks commands off, and BullMQ would pause longer than a lock lives.
    runRetryDelay: RETRY_DELAY_MS,
    settings: { backoffStrategy: (attemptsMade: number) => backoff(attemptsMade, retryBackoffMs) },
  }) satisfies Partial<WorkerOptions>;

/** Doubles from try to try up to {@link MAX_BACKOFF_MS}; the jitter keeps attempts from returning in step. */
function backoff(attemptsMade: number, firstMs: number): number {
  const full = Math.min(firstMs * 2 ** Math.min(attemptsMade - 1, 20), MAX_BACKOFF_MS);
  return Math.round(full / 2 + (Math.random() * full) / 2);
}
