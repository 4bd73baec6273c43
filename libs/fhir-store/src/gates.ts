import { TransientError } from '#job-kit';
import type { Pool } from 'pg';
import { classified, isLockTimeout, isMissingTable } from './errors.js';
import { terminateExecution } from './sink/attempt-name.js';

/** PostgreSQL's word on whether an execution may write. Gates only ever go from open to closed. */
export interface Gates {
  /** Closes the gates of the instance's other executions, then lets this one write, unless its gate was closed already. */
  open(execution: GateOwner): Promise<void>;
  /** From the moment this resolves no attempt of the execution commits another row, whatever state it is in. */
  close(execution: GateOwner): Promise<void>;
}

/** An execution, and the instance it belongs to. */
export interface GateOwner {
  uuid: string;
  instanceUuid: string;
}

/** Asked of PostgreSQL, since Redis may have lost the second in which another execution was begun. */
const OTHERS = `
  SELECT execution_uuid AS uuid FROM execution_gate
  WHERE instance_uuid = $2 AND execution_uuid <> $1 AND open`;
const OPEN =
  'INSERT INTO execution_gate (execution_uuid, instance_uuid, open) VALUES ($1, $2, true) ON CONFLICT DO NOTHING';
const CLOSE = `
  INSERT INTO execution_gate (execution_uuid, instance_uuid, open) VALUES ($1, $2, false)
  ON CONFLICT (execution_uuid) DO UPDATE SET open = false`;

/** Tries before closing is given up; each waits for the pool's lock timeout at most. */
const MOST_TRIES = 20;

/**
 * @param pool with a short `lock_timeout`
 * @param migrate brings the schema up to date: a force stop may come before the first worker has
 */
export function gatesOf(pool: Pool, migrate: () => Promise<void>): Gates {
  const run = (sql: string, { uuid, instanceUuid }: GateOwner) =>
    pool
      .query<{ uuid: string }>(sql, [uuid, instanceUuid])
      .catch((error: unknown) => Promise.reject(classified(error)));

  async function close(owner: GateOwner): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        await run(CLOSE, owner);
        return;
      } catch (error) {
        if (tries === MOST_TRIES) throw error;
        if (isMissingTable(error)) await migrate();
        // Chunks in flight hold the row; what does not end by itself is frozen, and must not block a force stop.
        else if (error instanceof TransientError && isLockTimeout(error.cause))
          await terminateExecution(pool, owner.uuid);
        else throw error;
      }
    }
  }

  return {
    close,
    async open(owner) {
      const { rows } = await run(OTHERS, owner);
      for (const { uuid } of rows) await close({ ...owner, uuid });
      await run(OPEN, owner);
    },
  };
}
