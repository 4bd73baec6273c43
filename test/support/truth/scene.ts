import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionId } from '#domain';
import type { ExecutionRecord, VerifyReport } from '#engine';
import { jobsOf } from '#jobs';
import { afterAll, beforeAll, beforeEach } from 'vitest';
import { testStore, type TestStore } from '../chunks.js';
import { createDatabase, type TestDatabase } from '../database.js';
import { ITEM_TABLE, type Deploy, type Item } from '../model/jobs.js';
import { World } from '../model/world.js';

/** An execution that a test has started. */
export interface Begun {
  executionId: ExecutionId;
  executionUuid: string;
}

/** One engine in this process on a real Redis and a real PostgreSQL, as the tests of a file use it. */
export class Scene {
  private constructor(
    readonly database: TestDatabase,
    readonly store: TestStore,
    readonly world: World,
    /** Where the files of an import are. */
    readonly importDirectory: string,
  ) {}

  /** Opens one for the file that calls it; each test begins with an empty database. */
  static ofThisFile(): { readonly current: Scene } {
    const opened: { current?: Scene } = {};
    beforeAll(async () => void (opened.current = await Scene.#open()));
    beforeEach(() => opened.current!.world.history.beginAnew());
    afterAll(() => opened.current!.#close());
    return opened as { current: Scene };
  }

  static async #open(): Promise<Scene> {
    const database = await createDatabase();
    const store = testStore(database.url);
    await store.migrate();
    await database.query(ITEM_TABLE);
    const importDirectory = mkdtempSync(join(tmpdir(), 'longshore-truth-'));
    return new Scene(database, store, new World(database, store), importDirectory);
  }

  async #close(): Promise<void> {
    await this.world.close();
    await this.store.close();
    await this.database.drop();
    rmSync(this.importDirectory, { recursive: true });
  }

  /** Gateways and workers get the same release, or workers others: one each. */
  deploy(gateway: Deploy, workers: readonly Deploy[] = [gateway]): void {
    this.world.fleet = { gateway, workers };
  }

  /** Gateways and workers get the jobs of the module as it is delivered. */
  deployImport(): void {
    const { importDirectory, store } = this;
    this.deploy(({ wrap }) =>
      jobsOf({ importDirectory, store: { ...store, sink: wrap(store.sink) }, maxLineBytes: 1_000_000 }),
    );
  }

  start(jobName: string, parameters: Record<string, string> = {}): Promise<Begun> {
    return this.world.operator.start({ jobName, parameters, requestedBy: 'ann' });
  }

  restart({ executionId }: Begun): Promise<Begun> {
    return this.world.operator.restart(executionId, 'ann');
  }

  /** Starts it and lets it run to its end, whatever that is. */
  async run(jobName: string, parameters?: Record<string, string>): Promise<Begun> {
    const begun = await this.start(jobName, parameters);
    await this.world.settle();
    return begun;
  }

  async record({ executionId }: Begun): Promise<ExecutionRecord> {
    return (await this.world.store.findExecution(executionId))!;
  }

  verify({ executionId }: Begun): Promise<VerifyReport> {
    return this.world.operator.verify(executionId);
  }

  /** What stands in the table of these executions' items, and is there twice. */
  async written(...begun: readonly Begun[]): Promise<Item[]> {
    return this.world.written(begun.map(({ executionUuid }) => executionUuid));
  }

  /** The tasklets that have run for an execution, in order. */
  ran({ executionUuid }: Begun): string[] {
    return this.world.ran.filter(({ execution }) => execution === executionUuid).map(({ step }) => step);
  }
}

/** How many items stand in each step, and how many of them are there twice. */
export function tallied(items: readonly Item[]): Record<string, number> & { twice?: number } {
  const tally: Record<string, number> = {};
  for (const { step } of items) tally[step] = (tally[step] ?? 0) + 1;
  const places = new Set(items.map(({ step, partition, item }) => `${step}.${partition}.${item}`));
  return places.size === items.length ? tally : { ...tally, twice: items.length - places.size };
}
