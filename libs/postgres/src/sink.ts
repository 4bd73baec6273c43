import { addCounts, type Counts } from '#domain';
import {
  reach,
  type PartitionAttempt,
  type ProcessedChunk,
  type Rejection,
  type SinkSession,
  type TransactionalSink,
} from '#job-kit';
import type { Pool } from 'pg';
import { attemptName, terminateRivals } from './attempt-name.js';
import { findBadItems } from './bisect.js';
import { advance, claim, finish, type Checkpoint } from './checkpoint.js';
import { AttemptConnection } from './connection.js';
import { isDataError, isLockTimeout } from './errors.js';
import type { ItemTable } from './item-table.js';
import { keepRejections } from './rejections.js';

/** Longest wait for an older attempt's transaction before its connection is terminated. */
const BEGIN_CLAIM = "BEGIN; SET LOCAL lock_timeout = '1s'";

/** A flag that is lost only has a partition read once more that has nothing left to read. */
const BEGIN_FINISH = 'BEGIN; SET LOCAL synchronous_commit = off';

/** Writes items, rejections and checkpoint in one transaction of PostgreSQL: exactly once. */
export function postgresSink<O>(pool: Pool, table: ItemTable<O>): Pick<TransactionalSink<O>, 'open'> {
  return {
    async open(attempt) {
      const connection = await AttemptConnection.take(pool, attemptName(attempt));
      try {
        return new Session(connection, table, attempt, await takeOver(connection, attempt));
      } catch (error) {
        await connection.release();
        throw error;
      }
    },
  };
}

/**
 * Raises the fence. An older attempt that is just committing may end; one that is frozen inside its transaction holds
 * the checkpoint's row lock, so it loses its connection.
 */
async function takeOver(connection: AttemptConnection, attempt: PartitionAttempt): Promise<Checkpoint> {
  const raise = () => connection.transaction(BEGIN_CLAIM, (client) => claim(client, attempt));
  try {
    return await raise();
  } catch (error) {
    if (!isLockTimeout((error as Error).cause)) throw error;
    await connection.run((client) => terminateRivals(client, attempt));
    return raise();
  }
}

class Session<O> implements SinkSession<O> {
  readonly fence: number;
  readonly position: SinkSession<O>['position'];

  constructor(
    private readonly connection: AttemptConnection,
    private readonly table: ItemTable<O>,
    private readonly attempt: PartitionAttempt,
    private checkpoint: Checkpoint,
  ) {
    ({ fence: this.fence, position: this.position } = checkpoint);
  }

  get counts(): Counts {
    return this.checkpoint.counts;
  }

  async commit(chunk: ProcessedChunk<O>): Promise<Counts> {
    try {
      return await this.write(chunk);
    } catch (error) {
      if (!isDataError(error)) throw error;
      const bad = await findBadItems(this.connection, this.table, chunk.items, this.attempt);
      if (bad.size === 0) throw error;
      return this.write(without(chunk, bad));
    }
  }

  async finish(): Promise<void> {
    await this.connection.transaction(BEGIN_FINISH, (client) => finish(client, this.attempt, this.fence));
  }

  close(): Promise<void> {
    return this.connection.release();
  }

  private async write(chunk: ProcessedChunk<O>): Promise<Counts> {
    const next = this.after(chunk);
    await this.connection.transaction('BEGIN', async (client) => {
      await advance(client, this.attempt, next);
      if (chunk.items.length > 0) await this.table.writeChunk(client, chunk.items, this.attempt);
      await keepRejections(client, this.attempt, chunk.rejections);
      reach('rows-written-not-committed');
    });
    this.checkpoint = next;
    return next.counts;
  }

  private after(chunk: ProcessedChunk<O>): Checkpoint {
    const { items, rejections, readCount, filterCount, rollbackCount, position } = chunk;
    const done = { readCount, filterCount, rollbackCount, commitCount: 1 };
    return {
      fence: this.fence,
      position,
      counts: addCounts(this.checkpoint.counts, { ...done, writeCount: items.length, skipCount: rejections.length }),
      tally: this.tallied(items),
    };
  }

  private tallied(items: readonly O[]): Map<string, number> {
    const tally = new Map(this.checkpoint.tally);
    if (!this.table.kindOf) return tally;
    for (const item of items) {
      const kind = this.table.kindOf(item);
      tally.set(kind, (tally.get(kind) ?? 0) + 1);
    }
    return tally;
  }
}

/** The chunk again, its bad items turned into rejections in their place. */
function without<O>(chunk: ProcessedChunk<O>, bad: ReadonlyMap<O, Rejection>): ProcessedChunk<O> {
  return {
    ...chunk,
    items: chunk.items.filter((item) => !bad.has(item)),
    rejections: [...chunk.rejections, ...bad.values()].toSorted((a, b) => a.where.row - b.where.row),
    rollbackCount: chunk.rollbackCount + 1,
  };
}
