import { expect, it } from 'vitest';
import { assertPlannable, MOST_PARTITIONS } from './plan-rules.js';

const partition = { label: 'a', rows: 0, data: null };

it.each([[partition], [{ ...partition, label: 'x'.repeat(200), rows: Number.MAX_SAFE_INTEGER }]])(
  'takes a partition such as %o',
  (good) => {
    expect(() => assertPlannable([good], 0)).not.toThrow();
  },
);

it.each([
  { label: '' },
  { label: 'x'.repeat(201) },
  { label: 7 },
  { label: 'a\nb' },
  { label: 'a\ud800' },
  { rows: -1 },
  { rows: 0.5 },
  { rows: '1' },
  { rows: NaN },
])('refuses a partition with %o', (fault) => {
  expect(() => assertPlannable([partition, { ...partition, ...fault } as never], 0)).toThrow(/A label has 1 to 200/);
});

it('refuses a plan that goes on and on', () => {
  expect(() => assertPlannable([partition], MOST_PARTITIONS - 1)).not.toThrow();
  expect(() => assertPlannable([partition], MOST_PARTITIONS)).toThrow(
    /more than 1000000 partitions. Start the job with larger/,
  );
});
