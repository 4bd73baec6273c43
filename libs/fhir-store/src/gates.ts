import { TransientError } from '#job-kit';
import type { Pool } from 'pg';
import { classified, isLockTimeout, isMissingTable } from './errors.js';
import { terminateExecution } from './sink/attempt-name.js';

/** PostgreSQL's word on whether an execution may write. Gates only ever go from open to closed. */
export interface Gates {
  /** Lets the execution write, unless its gate was closed already. */
  open(executionUuid: string): Promise<void>;
  /** From the moment this resolves no attempt of the execution commits another row, whatever state it is in. */
  close(executionUuid: string): Promise<void>;
}

const OPEN = 'INSERT INTO execution_gate VALUES ($1, true) ON CONFLICT DO NOTHING';
const CLOSE = `
  INSERT INTO execution_gate VALUES ($1, false)
  ON CONFLICT (execution_uuid) DO UPDATE SET open = false`;

/** Tries before closing is given up; each waits for the pool's lock timeout at most. */
const MOST_TRIES = 20;

/**
 * @param pool with a short `lock_timeout`
 * @param migrate brings the schema up to date: a force stop may come before the first worker has
 */
export function gatesOf(pool: Pool, migrate: () => Promise<void>): Gates {
  const run = (sql: string, uuid: string) =>
    pool.query(sql, [uuid]).catch((error: unknown) => Promise.reject(classified(error)));
  return {
    async open(uuid) {
      await run(OPEN, uuid);
    },
    async close(uuid) {
      for (let tries = 1; ; tries++) {
        try {
          await run(CLOSE, uuid);
          return;
        } catch (error) {
          if (tries === MOST_TRIES) throw error;
          if (isMissingTable(error)) await migrate();
          // Chunks in flight hold the row; what does not end by itself is frozen, and must not block a force stop.
          else if (error instanceof TransientError && isLockTimeout(error.cause)) await terminateExecution(pool, uuid);
          else throw error;
        }
      }
    },
  };
}
