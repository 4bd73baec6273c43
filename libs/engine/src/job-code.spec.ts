import { SkipLimitExceededError, Rejection, SupersededError, TransientError, UnavailableError } from '#job-kit';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { abandonedCode } from '#job-kit';
import { AbandonedError, jobCode, StepFailure } from './job-code.js';

const rejecting = async (error: Error): Promise<never> => {
  throw error;
};

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const never = (): Promise<never> => new Promise(() => {});

describe('code of a job', () => {
  it('hands on what it returns', async () => {
    await expect(jobCode(() => 7)).resolves.toBe(7);
    await expect(jobCode(async () => 7, new AbortController().signal)).resolves.toBe(7);
  });

  it.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('disk full');
      },
    ],
    ['rejects', () => rejecting(new Error('disk full'))],
    [
      'throws something else',
      () => {
        throw 'disk full';
      },
    ],
  ])('fails its step with the message when it %s', async (_, run) => {
    const failure = await jobCode(run).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(StepFailure);
    expect(failure).toMatchObject({ message: 'disk full', cause: expect.anything() });
  });

  it.each([
    new TransientError(new Error('deadlock')),
    new UnavailableError(new Error('no connection')),
    new SupersededError('superseded'),
    new SkipLimitExceededError(0, new Rejection('is bad', { file: 'a', row: 0 }, '')),
    new StepFailure('x'),
    new AbandonedError('x'),
  ])('may say more than "failed": $name', async (error) => {
    await expect(jobCode(() => rejecting(error))).rejects.toBe(error);
  });
});

describe('code of a job that is told to leave', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('is abandoned a second later, if it goes on regardless', async () => {
    const leave = new AbortController();
    const work = jobCode(never, leave.signal);
    const settled = vi.fn<() => void>();
    work.catch(settled);
    await vi.advanceTimersByTimeAsync(60_000);
    leave.abort();
    await vi.advanceTimersByTimeAsync(999);
    expect(settled).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    await expect(work).rejects.toBeInstanceOf(AbandonedError);
  });

  it('is known to go on until it ends', async () => {
    const before = abandonedCode.count;
    jobCode(() => sleep(10_000), AbortSignal.abort()).catch(() => undefined);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(abandonedCode.count).toBe(before + 1);
    await vi.advanceTimersByTimeAsync(9_000);
    expect(abandonedCode.count).toBe(before);
  });

  it('is abandoned as well if it was told before it began', async () => {
    const work = jobCode(never, AbortSignal.abort());
    work.catch(() => undefined);
    await vi.advanceTimersByTimeAsync(1_000);
    await expect(work).rejects.toBeInstanceOf(AbandonedError);
  });

  it('counts if it returns in time', async () => {
    const leave = new AbortController();
    const work = jobCode(() => new Promise((resolve) => setTimeout(resolve, 500, 'left')), leave.signal);
    leave.abort();
    await vi.advanceTimersByTimeAsync(500);
    await expect(work).resolves.toBe('left');
    expect(vi.getTimerCount()).toBe(0);
  });

  it('leaves no timer and no listener behind, and no stray rejection', async () => {
    const leave = new AbortController();
    const removed = vi.spyOn(leave.signal, 'removeEventListener');
    await expect(jobCode(() => rejecting(new Error('x')), leave.signal)).rejects.toThrow('x');
    expect(removed).toHaveBeenCalledOnce();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('may reject after it was abandoned: nobody minds', async () => {
    const leave = new AbortController();
    const late = jobCode(() => new Promise((_, reject) => setTimeout(reject, 5_000, new Error('late'))), leave.signal);
    late.catch(() => undefined);
    leave.abort();
    await vi.advanceTimersByTimeAsync(10_000);
    await expect(late).rejects.toBeInstanceOf(AbandonedError);
  });

  it('need not be a native promise to be waited for', async () => {
    const leave = new AbortController();
    // oxlint-disable-next-line unicorn/no-thenable
    const thenable = { then: () => undefined } as unknown as Promise<never>;
    const work = jobCode(() => thenable, leave.signal);
    work.catch(() => undefined);
    leave.abort();
    await vi.advanceTimersByTimeAsync(1_000);
    await expect(Promise.race([work, Promise.resolve('still waiting')])).rejects.toBeInstanceOf(AbandonedError);
  });
});
