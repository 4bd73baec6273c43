import { inject } from 'vitest';
import { TestFleet, type FleetOptions } from '../testbed/fleet.js';

export type { FleetOptions } from '../testbed/fleet.js';

/** A gateway and workers of a test file's own, on the servers that all tests share. */
export type Fleet = TestFleet;

export const Fleet = {
  /** Starts a fleet; resolves when all of it is ready. Stop it in the end. */
  start: (options: FleetOptions = {}): Promise<Fleet> =>
    TestFleet.start(
      { redisUrl: inject('redisUrl'), adminUrl: inject('databaseUrl'), runsDirectory: inject('runsDirectory') },
      options,
    ),
};
