import { collectDefaultMetrics, Registry } from 'prom-client';

/** The metrics of this process. No label is ever an id: what a scrape costs does not grow with executions. */
export const METRICS = new Registry();

/** Begins to measure the process itself: event loop, memory, garbage collection. */
export const measureProcess = (): void => collectDefaultMetrics({ register: METRICS });
