import type { Outcome } from '#engine';
import type { Job } from 'bullmq';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { ActiveWork } from './active-work.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const job = { id: '1', attemptsMade: 0, data: { executionUUID: 'a' }, moveToDelayed: async () => {} } as unknown as Job;
const DONE: Outcome = { kind: 'done' };
const UNAVAILABLE = { kind: 'unavailable', error: new Error('no connection') } as Outcome;

it('tells of an outage once, and once of its end, though work that does not need the database ends meanwhile', async () => {
  const told: string[] = [];
  const tell = (message: string): void => void told.push(message);
  const work = new ActiveWork({ debug: () => {}, info: tell, warn: tell });
  const deliver = (outcome: Outcome) => work.run(job, 'token', async () => outcome).catch(() => undefined);
  for (let second = 0; second < 180; second += 1) {
    await deliver(UNAVAILABLE);
    await deliver(DONE);
    await vi.advanceTimersByTimeAsync(1_000);
  }
  expect(told).toEqual(['Work waits: something that it needs is unavailable']);
  await vi.advanceTimersByTimeAsync(6_000);
  await deliver(DONE);
  await deliver(DONE);
  expect(told.slice(1)).toEqual(['Work goes on: what it needs is available again']);
});
