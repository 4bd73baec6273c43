import type { TransitionEvent, TransitionListener } from '#engine';
import { METRICS } from '#platform';
import { Counter, Histogram } from 'prom-client';

/** From one second to a day. */
const LONG = [1, 5, 15, 60, 300, 900, 3_600, 14_400, 86_400];

const executionDuration = new Histogram({
  name: 'longshore_execution_duration_seconds',
  help: 'From the start of an execution to its end, by the status that it ended with',
  labelNames: ['module', 'job', 'status'],
  buckets: LONG,
  registers: [METRICS],
});

const rows = new Counter({
  name: 'longshore_rows_total',
  help: 'Rows of executions that have ended: read, written, filtered or skipped',
  labelNames: ['module', 'job', 'outcome'],
  registers: [METRICS],
});

const OUTCOMES = { read: 'readCount', written: 'writeCount', filtered: 'filterCount', skipped: 'skipCount' } as const;

/** Measures the executions whose end this process has written. Over all processes the sums are those of the fleet. */
export const lifecycleMetrics =
  (module: string): TransitionListener =>
  ({ type, job, to: status, end }: TransitionEvent) => {
    if (type !== 'execution' || end === undefined) return;
    if (end.durationMs !== undefined) executionDuration.observe({ module, job, status }, end.durationMs / 1_000);
    for (const [outcome, count] of Object.entries(OUTCOMES)) rows.inc({ module, job, outcome }, end.counts[count]);
  };
