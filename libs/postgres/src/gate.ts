import { GateClosedError, GateMissingError, TransientError, type Gate, type SinkExecution } from '#job-kit';
import type { ClientBase, Pool } from 'pg';
import { terminateExecution } from './attempt-name.js';
import { isLockTimeout, isMissingTable, rethrow } from './errors.js';

const OPEN =
  'INSERT INTO execution_gate (execution_uuid, instance_uuid, open) VALUES ($1, $2, true) ON CONFLICT DO NOTHING';

/** Asked of PostgreSQL, since Redis may have lost the second in which another execution was begun. */
const OTHERS = `
  SELECT execution_uuid AS uuid FROM execution_gate
  WHERE instance_uuid = $2 AND execution_uuid <> $1 AND open`;

/**
 * Closes another execution's gate while the own one is open. Whoever comes late, after the own gate was closed and a
 * later execution begun, closes nothing: where this statement sees the later gate, it sees the own one closed.
 */
const CLOSE_OTHER = `
  UPDATE execution_gate SET open = false
  WHERE execution_uuid = $1 AND open AND EXISTS (SELECT FROM execution_gate WHERE execution_uuid = $2 AND open)`;

const CLOSE = `
  INSERT INTO execution_gate (execution_uuid, instance_uuid, open) VALUES ($1, $2, false)
  ON CONFLICT (execution_uuid) DO UPDATE SET open = false`;

/** Tries before closing is given up; each waits for the pool's lock timeout at most. */
const MOST_TRIES = 20;

/**
 * @param pool with a short `lock_timeout`
 * @param migrate brings the schema up to date: a force stop may come before the first worker has
 */
export function gateOf(pool: Pool, migrate: () => Promise<void>): Gate {
  const run = (sql: string, values: readonly [uuid: string, other: string]) =>
    pool.query<{ uuid: string }>(sql, [...values]).catch(rethrow);

  /** @param values the execution whose gate it is, first */
  async function shut(sql: string, values: readonly [uuid: string, other: string]): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        await run(sql, values);
        return;
      } catch (error) {
        if (tries === MOST_TRIES) throw error;
        if (isMissingTable(error)) await migrate();
        // Chunks in flight hold the row; what does not end by itself is frozen, and must not block a force stop.
        else if (error instanceof TransientError && isLockTimeout(error.cause))
          await terminateExecution(pool, values[0]);
        else throw error;
      }
    }
  }

  return {
    close: ({ uuid, instanceUuid }) => shut(CLOSE, [uuid, instanceUuid]),
    async open({ uuid: own, instanceUuid }: SinkExecution) {
      await run(OPEN, [own, instanceUuid]);
      const { rows } = await run(OTHERS, [own, instanceUuid]);
      for (const { uuid } of rows) await shut(CLOSE_OTHER, [uuid, own]);
    },
  };
}

/**
 * Makes sure that an execution may write, until the transaction ends.
 *
 * @throws GateClosedError, GateMissingError
 */
export async function assertGateOpen(client: ClientBase, executionUuid: string): Promise<void> {
  const { rows } = await client.query<{ open: boolean }>(
    'SELECT open FROM execution_gate WHERE execution_uuid = $1 FOR SHARE',
    [executionUuid],
  );
  if (!rows[0]) throw new GateMissingError(`The database does not know execution ${executionUuid}.`);
  if (!rows[0].open) throw new GateClosedError(`Execution ${executionUuid} may not write: its gate is closed.`);
}
