import { beforeEach, describe, expect, it } from 'vitest';
import { numbered, ndjson, writeSource } from '../support/resources.js';
import { importsOf } from '../support/truth/imports.js';
import { Scene, type Begun } from '../support/truth/scene.js';

/*
 * PostgreSQL is put back to a copy of some minutes ago, with its gates and checkpoints; Redis is not. Once, the execution
 * was COMPLETED all the same, with rows missing.
 */

const ROWS = 40;
const IMPORT = { source: 'rows.ndjson', rowsPerPartition: '5', commitInterval: '2' };

const scene = Scene.ofThisFile();
const { start, workUntilStored, stored } = importsOf(scene);

beforeEach(() => {
  scene.current.deployImport();
  writeSource(scene.current.importDirectory, IMPORT.source, ndjson(numbered('r', ROWS)));
});

/** Every row is there, and everything that the execution says of it is true. */
async function expectWhole(begun: Begun): Promise<void> {
  expect((await stored()).map(({ id }) => id).toSorted()).toEqual(
    numbered('r', ROWS)
      .map(({ id }) => id)
      .toSorted(),
  );
  const { status, results, progress, databaseWentBack } = await scene.current.record(begun);
  expect({ status, results, databaseWentBack }).toEqual({
    status: 'COMPLETED',
    results: { totalsByResourceType: { Basic: ROWS } },
    databaseWentBack: undefined,
  });
  expect(progress).toMatchObject({ partitionsTotal: 8, partitionsDone: 8, rowsTotal: ROWS, rowsDone: ROWS });
  expect(await scene.current.verify(begun)).toMatchObject({ verified: true, findings: [] });
}

describe('a database that is put back', () => {
  it('during an import: what it has lost is written again before the step ends', async () => {
    const { history } = scene.current.world;
    const begun = await start(IMPORT);
    await workUntilStored(10);
    await history.keep();
    await workUntilStored(30);
    await history.putBack();
    await scene.current.world.settle();
    await expectWhole(begun);
    expect((await scene.current.record(begun)).counts.writeCount).toBe(ROWS);
  });

  it('between a stop and the restart: what it has lost is written again', async () => {
    const { history, operator } = scene.current.world;
    const begun = await start(IMPORT);
    await workUntilStored(10);
    await history.keep();
    await workUntilStored(30);
    await operator.stop(begun.executionId, 'ann');
    await scene.current.world.settle();
    expect(await scene.current.record(begun)).toMatchObject({ status: 'STOPPED' });
    await history.putBack();
    const restarted = await scene.current.restart(begun);
    await scene.current.world.settle();
    await expectWhole(restarted);
  });

  it('to a time before the import, while it runs: it FAILS and says why, and a restart writes everything', async () => {
    const { history } = scene.current.world;
    await history.keep();
    const begun = await start(IMPORT);
    await workUntilStored(20);
    await history.putBack();
    await scene.current.world.settle();
    expect(await scene.current.record(begun)).toMatchObject({
      status: 'FAILED',
      exitDescription: expect.stringContaining('it may have been put back to an older state. Restart the execution'),
    });
    const restarted = await scene.current.restart(begun);
    await scene.current.world.settle();
    await expectWhole(restarted);
  });

  it('after COMPLETED: the execution is marked, verify reports what is missing, and a new start imports it', async () => {
    const { history } = scene.current.world;
    await history.keep();
    const begun = await start(IMPORT);
    await scene.current.world.settle();
    await expectWhole(begun);
    await history.putBack();
    await scene.current.world.timePasses();
    const marked = await scene.current.record(begun);
    expect(marked.status).toBe('COMPLETED');
    expect(marked.databaseWentBack).toBeGreaterThan(0);
    const { verified, findings } = await scene.current.verify(begun);
    expect(verified).toBe(false);
    expect(findings.join(' ')).toContain('Start the job anew to import again what is missing');
    const anew = await start(IMPORT);
    await scene.current.world.settle();
    await expectWhole(anew);
  });
});
