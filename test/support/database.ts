import { inject } from 'vitest';
import * as testbed from '../testbed/database.js';

export type { TestDatabase } from '../testbed/database.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** Of a database whose user may create others. */
    databaseUrl: string;
  }
}

/**
 * Creates an empty database; drop it when the file ends.
 *
 * @param adminUrl of another server than the one that all tests share
 */
export const createDatabase = (adminUrl = inject('databaseUrl')): Promise<testbed.TestDatabase> =>
  testbed.createDatabase(adminUrl);
