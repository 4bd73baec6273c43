import { describe, expect, it } from 'vitest';
import { checkAll } from './readiness.js';

describe('checkAll', () => {
  it('names each dependency, and tells why one is down to the log alone', async () => {
    const down: string[] = [];
    const readiness = await checkAll(
      { redis: async () => 'PONG', 'postgres:persistence': () => Promise.reject(new Error('secret address')) },
      (name, reason) => down.push(`${name} ${reason}`),
    );
    expect(readiness).toEqual({
      status: 'unavailable',
      dependencies: { redis: 'up', 'postgres:persistence': 'down' },
    });
    expect(down).toEqual(['postgres:persistence Error: secret address']);
  });

  it('does not wait for one that never answers', async () => {
    const readiness = await checkAll({ redis: () => new Promise(() => {}) }, () => {}, 1);
    expect(readiness.dependencies).toEqual({ redis: 'down' });
  });
});
