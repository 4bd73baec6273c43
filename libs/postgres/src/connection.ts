import type { PoolClient, Pool } from 'pg';
import { classified, isAnswered } from './errors.js';

/**
 * The connection of one attempt, held until it is released. One that failed in a way that leaves its state in doubt
 * does not go back to the pool.
 */
export class AttemptConnection {
  #lost: Error | undefined;
  #unfit = false;

  private constructor(readonly client: PoolClient) {
    client.on('error', this.#onLost);
  }

  /** @throws TransientError if the database cannot be reached, or no connection comes free in time */
  static async take(pool: Pool, name: string): Promise<AttemptConnection> {
    const client = await pool.connect().catch((error: unknown) => Promise.reject(classified(error)));
    const connection = new AttemptConnection(client);
    try {
      await connection.run(() => client.query("SELECT set_config('application_name', $1, false)", [name]));
      return connection;
    } catch (error) {
      await connection.release();
      throw error;
    }
  }

  /** @throws what `work` throws, as TransientError where a repeat may help */
  async run<T>(work: (client: PoolClient) => Promise<T>): Promise<T> {
    try {
      return await work(this.client);
    } catch (error) {
      this.#unfit ||= this.#inDoubt(error);
      // pg tells its listener why a connection was lost; later queries only learn that it is gone.
      throw classified(isAnswered(error) ? error : (this.#lost ?? error));
    }
  }

  /** Runs `work` in a transaction. @throws as {@link run}; nothing is committed then, unless the connection was lost in mid-commit */
  transaction<T>(
    begin: string,
    work: (client: PoolClient) => Promise<T>,
    end: 'COMMIT' | 'ROLLBACK' = 'COMMIT',
  ): Promise<T> {
    return this.run(async (client) => {
      try {
        await client.query(begin);
        const result = await work(client);
        const { command } = await client.query(end);
        // PostgreSQL answers a COMMIT so where a statement had failed and somebody swallowed the error.
        if (command !== end) throw new Error('The transaction was rolled back instead of committed.');
        return result;
      } catch (error) {
        await this.#rollBack(error);
        throw error;
      }
    });
  }

  /** Gives the connection back to the pool, nameless. */
  async release(): Promise<void> {
    if (!this.#unfit && !this.#lost) await this.client.query('RESET application_name').catch(this.#onLost);
    this.client.off('error', this.#onLost);
    this.client.release(this.#lost ?? this.#unfit);
  }

  /** Whether the server has not answered: the statement may still run, so nothing more is sent on this connection. */
  #inDoubt(error: unknown): boolean {
    return this.#lost !== undefined || (!isAnswered(error) && classified(error) !== error);
  }

  async #rollBack(error: unknown): Promise<void> {
    if (this.#inDoubt(error)) return;
    try {
      await this.client.query('ROLLBACK');
    } catch {
      this.#unfit = true;
    }
  }

  readonly #onLost = (error: Error): void => {
    this.#lost ??= error;
  };
}
