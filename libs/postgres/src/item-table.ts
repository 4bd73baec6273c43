import type { PartitionAttempt, Rejection } from '#job-kit';
import type { PoolClient } from 'pg';

/** How a kind of item gets into tables. Gate, fence, checkpoint and rejections are the sink's own business. */
export interface ItemTable<O> {
  /** Writes items inside the chunk's transaction: on this connection only, and without ending the transaction. */
  writeChunk(client: PoolClient, items: readonly O[], attempt: PartitionAttempt): Promise<void>;
  /**
   * Sets aside an item that the database refuses for its data. Without it, a chunk with such an item fails.
   *
   * @param reason reads on from the item's place, e.g. `is refused by the database: numeric field overflow`
   */
  reject?(item: O, reason: string): Rejection;
  /** What kind an item is tallied under. */
  kindOf?(item: O): string;
}
