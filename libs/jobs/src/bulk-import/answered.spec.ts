import { expect, it } from 'vitest';
import { answered, hangingNow, refuseWhileHanging } from './answered.js';

it('passes on what the file system answers, and what it refuses', async () => {
  await expect(answered('a', Promise.resolve(1))).resolves.toBe(1);
  await expect(answered('a', Promise.reject(new Error('no such file')))).rejects.toThrow('no such file');
});

it('leaves further work to others while a question hangs, and goes on once it is answered', async () => {
  const before = hangingNow();
  let answer!: () => void;
  const late = new Promise<void>((resolve) => (answer = resolve));
  await expect(answered('a.ndjson', late, 1)).rejects.toThrow('has not answered for a.ndjson within 1 ms');
  expect(hangingNow()).toBe(before + 1);
  expect(() => refuseWhileHanging()).toThrow('has not answered for earlier questions of this process');
  answer();
  await new Promise(setImmediate);
  expect(hangingNow()).toBe(before);
  expect(() => refuseWhileHanging(false)).not.toThrow();
});
