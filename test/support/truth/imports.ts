import { Life } from '../model/life.js';
import type { Begun, Scene } from './scene.js';

/** A row of the table `resource`. */
export interface StoredResource extends Record<string, unknown> {
  id: string;
  version: number;
  updated: Date;
  /** As PostgreSQL prints it: numbers keep their trailing zeros. */
  body: string;
}

const STORED =
  'SELECT id, version_id AS version, last_updated AS updated, body::text AS body FROM resource ORDER BY id';

/** What tests of imports do with a scene. */
export function importsOf(scene: { readonly current: Scene }) {
  const stored = () => scene.current.database.query<StoredResource>(STORED);
  const start = (parameters: Record<string, string>): Promise<Begun> =>
    scene.current.start('bulkImportJob', parameters);

  /** Imports a source to the end of the execution, whatever that is. */
  async function run(parameters: Record<string, string>): Promise<Begun> {
    const begun = await start(parameters);
    await scene.current.world.settle();
    return begun;
  }

  /** Has workers take one delivery after another until so many rows are stored. */
  async function workUntilStored(rows: number): Promise<void> {
    for (;;) {
      const before = (await stored()).length;
      if (before >= rows) return;
      const ends = [];
      for (const kind of ['executions', 'steps', 'partitions'] as const) {
        ends.push(await scene.current.world.deliver(kind, Life.endless()));
      }
      if (ends.every((end) => end === 'idle')) throw new Error(`Only ${before} of ${rows} rows are ever stored.`);
    }
  }

  return { stored, start, run, workUntilStored };
}
