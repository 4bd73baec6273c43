import { NO_COUNTS } from '#domain';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { partitionRef, partitionsOf, TestRepository } from '../support/repository.js';

let repository: TestRepository;
let at: TestRepository['store'];

beforeAll(() => {
  repository = new TestRepository();
  at = repository.store;
});

afterAll(() => repository.close());

const COMPLETED = { status: 'COMPLETED' as const, counts: NO_COUNTS };

describe('a late delivery of a step that has ended', () => {
  it('is no attempt at the partition of the same number in the step that runs now', async () => {
    const lease = await repository.loading(2);
    for (const partition of [0, 1]) await repository.run(partitionRef(lease, partition));
    await at.endStep(lease, 'load', { status: 'COMPLETED', exitCode: 'COMPLETED' });
    await repository.begin(lease, { name: 'store', kind: 'chunk' }, partitionsOf(2));
    const [late, running] = [partitionRef(lease, 0), partitionRef(lease, 0, 'store')];
    const fence = await repository.claim(running);
    const before = await repository.snapshot();
    const nothing = { successor: undefined, stepDone: false };
    const ended = { successor: undefined, stepDone: true };
    expect(await at.isAwaited(late)).toBe(false);
    expect(await at.claim(late, undefined)).toEqual({ kind: 'finished', announcement: ended });
    expect(await at.finish(late, 1, COMPLETED)).toEqual(ended);
    expect(await repository.snapshot()).toEqual(before);
    expect(await at.finish(running, fence, COMPLETED)).toEqual(nothing);
  });
});
