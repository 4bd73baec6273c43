import { expect, it } from 'vitest';
import { MOST_PARTITIONS, PlanRules } from './plan-rules.js';

const partition = { label: 'a', rows: 0, data: null };

const check = (...partitions: unknown[]): void => {
  const rules = new PlanRules('load');
  partitions.forEach((one) => rules.check(one as never));
};

it.each([[partition], [{ ...partition, label: 'x'.repeat(200), rows: Number.MAX_SAFE_INTEGER, data: { a: [1] } }]])(
  'takes a partition such as %o',
  (good) => {
    expect(() => check(good)).not.toThrow();
  },
);

it.each([
  { label: '' },
  { label: 'x'.repeat(201) },
  { label: 7 },
  { label: 'a\nb' },
  { label: 'a\ud800' },
  { label: undefined },
  { rows: -1 },
  { rows: 0.5 },
  { rows: '1' },
  { rows: NaN },
  { rows: 2 ** 53 },
])('refuses a partition with %o', (fault) => {
  expect(() => check(partition, { ...partition, label: 'b', ...fault })).toThrow(
    /^The plan of load yielded a partition .+ A label has 1 to 200/,
  );
});

it.each([[undefined], [null], ['a'], [7]])('refuses %o in place of a partition', (value) => {
  expect(() => check(value)).toThrow(/^The plan of load yielded a partition with the label undefined/);
});

it('refuses data that cannot be stored, naming partition and place', () => {
  expect(() => check({ ...partition, data: { files: [{ size: 1n }] } })).toThrow(
    'The data of partition "a" of load cannot be stored: .files[0].size is 1n, a BigInt.',
  );
  expect(() => check({ label: 'a', rows: 1 })).toThrow(
    'The data of partition "a" of load cannot be stored: it is undefined.',
  );
});

it('refuses a label that another partition of the plan has', () => {
  expect(() => check(partition, { ...partition, label: 'b' }, { ...partition, rows: 5 })).toThrow(
    'The plan of load has two partitions labelled "a". A label names one.',
  );
});

it('refuses a plan that goes on and on', () => {
  const rules = new PlanRules('load');
  for (let i = 0; i < MOST_PARTITIONS; i++) rules.check({ ...partition, label: String(i) });
  expect(() => rules.check(partition)).toThrow(/more than 1000000 partitions. Start the job with larger/);
});
