import type { Postgres } from '#postgres';
import type { TestDatabase } from '../database.js';

/** What the schema says of the database itself, not of what was written. */
const KEPT = "('applied_migration')";
const TABLES = `SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' AND tablename NOT IN ${KEPT}`;

const END_CONNECTIONS = `
  SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
  WHERE datname = current_database() AND pid <> pg_backend_pid()`;

/** Keeps a copy of a database's tables in the database itself, and puts it back. Both are one transaction. */
export class DatabaseHistory {
  #hasCopy = false;

  constructor(
    private readonly database: TestDatabase,
    private readonly postgres: Postgres,
  ) {}

  async keep(): Promise<void> {
    const copies = (await this.#tables()).map((name) => `CREATE TABLE copy.${name} AS TABLE public.${name};`);
    await this.database.query(`DROP SCHEMA IF EXISTS copy CASCADE; CREATE SCHEMA copy; ${copies.join('')}`);
    this.#hasCopy = true;
  }

  /** As after a restore: all connections are lost. Without a copy, it is another database, which is empty. */
  async putBack(): Promise<void> {
    await this.database.query(END_CONNECTIONS);
    const tables = await this.#tables();
    const emptied = tables.map((name) => `DELETE FROM public.${name};`);
    const filled = this.#hasCopy
      ? tables.map((name) => `INSERT INTO public.${name} SELECT * FROM copy.${name};`)
      : ['INSERT INTO database_mark DEFAULT VALUES;'];
    await this.database.query(`BEGIN; ${[...emptied, ...filled].join('')} COMMIT`);
    await this.#untilItAnswers();
  }

  /** Forgets what was written before, and the copy. */
  async beginAnew(): Promise<void> {
    this.#hasCopy = false;
    const tables = (await this.#tables()).filter((name) => name !== 'database_mark');
    await this.database.query(`TRUNCATE ${tables.join(', ')}`);
  }

  async #tables(): Promise<string[]> {
    return (await this.database.query<{ name: string }>(TABLES)).map(({ name }) => name);
  }

  /** A pool learns only by and by that its connections are lost; a question that meets such a one fails. */
  async #untilItAnswers(): Promise<void> {
    const answers = await Promise.allSettled([this.postgres.ping(), this.postgres.ping(), this.postgres.ping()]);
    if (answers.some(({ status }) => status === 'rejected')) await this.#untilItAnswers();
  }
}
