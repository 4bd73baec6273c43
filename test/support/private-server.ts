import { inject } from 'vitest';
import * as testbed from '../testbed/private-server.js';

/** A Redis or a PostgreSQL of a test file's own, to be disturbed without harm to other files. */
export type PrivateServer = testbed.PrivateServer;

export const PrivateServer = {
  start: (kind: testbed.ServerKind): Promise<PrivateServer> =>
    testbed.PrivateServer.start(kind, inject('runsDirectory')),
};
