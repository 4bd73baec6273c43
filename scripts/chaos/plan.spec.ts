import { describe, expect, it } from 'vitest';
import { FAULT_KINDS, RARE_FAULTS } from './fault-kinds.js';
import { OPERATIONS, planOf } from './plan.js';

const HOUR = 3_600_000;

const rare = (minutes: number) => planOf(1, (HOUR / 60) * minutes).faults.filter(({ kind }) => kind in RARE_FAULTS);

describe('a plan', () => {
  it('is the same for the same seed, and another for another', () => {
    expect(planOf(7, HOUR)).toEqual(planOf(7, HOUR));
    expect(planOf(7, HOUR)).not.toEqual(planOf(8, HOUR));
  });

  it('of a longer run begins like that of a shorter one', () => {
    const [short, long] = [planOf(7, HOUR / 60), planOf(7, HOUR)];
    expect(long.faults.slice(0, short.faults.length)).toEqual(short.faults);
    expect(long.commands.slice(0, short.commands.length)).toEqual(short.commands);
  });

  it('has every fault and every command in an hour, in order', () => {
    const { faults, commands } = planOf(1, HOUR);
    expect(new Set(faults.map(({ kind }) => kind))).toEqual(new Set(Object.keys(FAULT_KINDS)));
    expect(new Set(commands.map(({ kind }) => kind))).toEqual(new Set(['start', ...OPERATIONS]));
    for (const things of [faults, commands]) {
      expect(things.map(({ at }) => at)).toEqual(things.map(({ at }) => at).toSorted((a, b) => a - b));
    }
  });

  it('has its rare faults once in ten minutes, and none in a shorter run', () => {
    expect(rare(9)).toEqual([]);
    expect(rare(60)).toHaveLength(6 * Object.keys(RARE_FAULTS).length);
    for (const { at, forMs } of rare(60)) expect((at % (HOUR / 6)) + forMs).toBeLessThan(HOUR / 6);
  });
});
