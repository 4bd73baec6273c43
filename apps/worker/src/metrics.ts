import type { Outcome } from '#engine';
import { METRICS } from '#platform';
import type { QueueKind } from '#queues';
import { Counter, Gauge, Histogram } from 'prom-client';

const attempts = new Counter({
  name: 'longshore_attempts_total',
  help: 'Deliveries that were worked on, by what came of them',
  labelNames: ['module', 'queue', 'outcome'],
  registers: [METRICS],
});

const partitionDuration = new Histogram({
  name: 'longshore_partition_duration_seconds',
  help: 'From the delivery of a partition to the end of the attempt at it',
  labelNames: ['module'],
  buckets: [0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60, 300, 900],
  registers: [METRICS],
});

/** Measures one attempt at a delivery. One that throws counts as `error`. */
export async function measured(module: string, queue: QueueKind, attempt: () => Promise<Outcome>): Promise<Outcome> {
  const began = performance.now();
  let outcome = 'error';
  try {
    const result = await attempt();
    outcome = result.kind;
    return result;
  } finally {
    attempts.inc({ module, queue, outcome });
    if (queue === 'partitions') partitionDuration.observe({ module }, (performance.now() - began) / 1_000);
  }
}

/** @param skewMs how far this process's clock is ahead of Redis's; undefined before that is known */
export function measureClock(skewMs: () => number | undefined): void {
  const clock = new Gauge({
    name: 'longshore_clock_skew_seconds',
    help: "How far this process's clock is ahead of Redis's",
    collect() {
      const skew = skewMs();
      if (skew !== undefined) this.set(skew / 1_000);
    },
    registers: [],
  });
  METRICS.registerMetric(clock);
}
