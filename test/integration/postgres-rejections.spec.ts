import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SkipLimitExceededError, type PartitionAttempt } from '#job-kit';
import { chunkOf, fhirRow, newAttempt, rejection, testStore, type TestStore, gateOf } from '../support/chunks.js';
import { createDatabase, type TestDatabase } from '../support/database.js';

let database: TestDatabase;
let store: TestStore;

beforeAll(async () => {
  database = await createDatabase();
  store = testStore(database.url);
  await store.migrate();
});

afterAll(async () => {
  await store.close();
  await database.drop();
});

const rejectedOf = async (attempt: PartitionAttempt): Promise<number> =>
  (await database.query('SELECT FROM rejected_row WHERE execution_uuid = $1', [attempt.executionUuid])).length;

describe('skip limit', () => {
  it('names the first rejection over it, and commits nothing of that chunk', async () => {
    const attempt = newAttempt({ skipLimit: 2 });
    await store.gate.open(gateOf(attempt));
    const session = await store.sink.open(attempt);
    await session.commit(chunkOf([fhirRow({ resourceType: 'Kept', id: 'a' })], { rejections: [rejection(1)] }));
    const over = session.commit(
      chunkOf([fhirRow({ resourceType: 'Lost', id: 'b' })], { rejections: [rejection(4), rejection(5), rejection(6)] }),
    );
    await expect(over).rejects.toThrow(SkipLimitExceededError);
    await expect(over).rejects.toThrow('a.ndjson, row 5: is not valid JSON (skipLimit 2 exceeded)');
    await session.close();

    expect(await rejectedOf(attempt)).toBe(1);
    expect(await database.query("SELECT FROM resource WHERE resource_type = 'Lost'")).toEqual([]);
    const next = await store.sink.open(attempt);
    expect(next.counts).toMatchObject({ skipCount: 1, writeCount: 1, commitCount: 1 });
    await next.close();
  });

  it('holds exactly, however many partitions skip at the same time', async () => {
    const skipLimit = 25;
    const first = newAttempt({ skipLimit });
    await store.gate.open(gateOf(first));
    const skipUntilRefused = async (partition: number): Promise<number> => {
      const session = await store.sink.open({ ...first, partition });
      try {
        for (let row = 0; ; row++)
          await session.commit(chunkOf([fhirRow({ resourceType: 'S', id: 'same' })], { rejections: [rejection(row)] }));
      } catch (error) {
        if (!(error instanceof SkipLimitExceededError)) throw error;
        return session.counts.skipCount;
      } finally {
        await session.close();
      }
    };
    const skipped = await Promise.all([0, 1, 2, 3, 4, 5].map(skipUntilRefused));
    expect(skipped.reduce((a, b) => a + b)).toBe(skipLimit);
    expect(await rejectedOf(first)).toBe(skipLimit);
  });

  it('counts anew in a restart', async () => {
    const first = newAttempt({ skipLimit: 1 });
    const second = { ...newAttempt({ skipLimit: 1 }), instanceUuid: first.instanceUuid };
    for (const attempt of [first, second]) {
      await store.gate.open(gateOf(attempt));
      const session = await store.sink.open(attempt);
      await session.commit(chunkOf([], { rejections: [rejection(0)] }));
      await session.close();
      expect(await rejectedOf(attempt)).toBe(1);
    }
  });
});
