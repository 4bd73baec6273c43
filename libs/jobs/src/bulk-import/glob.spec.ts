import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { glob } from './glob.js';

const FILES = [
  'a',
  'ab',
  'b-1',
  'é',
  '𝄞',
  '.hid',
  'x/a',
  'x/y/a',
  'x/y/z/ab',
  '.h/a',
  'x/.h',
  'q[1]',
  'n*',
  '!',
  ']',
  '^',
];
const LONG = 'a'.repeat(250);

let root: string;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'longshore-'));
  for (const file of [...FILES, `long/${LONG}`]) {
    await mkdir(dirname(join(root, file)), { recursive: true });
    await writeFile(join(root, file), '');
  }
  await symlink('x', join(root, 'link'));
  await symlink('a', join(root, 'alink'));
});

afterAll(() => rm(root, { recursive: true }));

describe('glob', () => {
  it.each([
    ['a*', ['a', 'ab']],
    ['*b', ['ab']],
    ['a?', ['ab']],
    ['?', ['!', ']', '^', 'a', 'x', 'é', '𝄞']],
    ['*-*', ['b-1']],
    [
      '**',
      [
        '!',
        ']',
        '^',
        'a',
        'ab',
        'b-1',
        'long',
        `long/${LONG}`,
        'n*',
        'q[1]',
        'x',
        'x/a',
        'x/y',
        'x/y/a',
        'x/y/z',
        'x/y/z/ab',
        'é',
        '𝄞',
      ],
    ],
    ['**/a', ['a', 'x/a', 'x/y/a']],
    ['x/**', ['x', 'x/a', 'x/y', 'x/y/a', 'x/y/z', 'x/y/z/ab']],
    ['x/**/a*', ['x/a', 'x/y/a', 'x/y/z/ab']],
    ['**/**/y/**/**', ['x/y', 'x/y/a', 'x/y/z', 'x/y/z/ab']],
    ['*/*/a', ['x/y/a']],
    ['.*', ['.h', '.hid']],
    ['.h/*', ['.h/a']],
    ['[.]hid', []],
    ['[ab]', ['a']],
    ['[a-c]*', ['a', 'ab', 'b-1']],
    ['[!a-z]', ['!', ']', '^', 'é', '𝄞']],
    ['[^!a-z]', [']', '^', 'é', '𝄞']],
    ['[]]', [']']],
    ['[é𝄞]', ['é', '𝄞']],
    ['q[[]1]', ['q[1]']],
    ['n[*]', ['n*']],
    ['[', []],
    ['{a,b}*', []],
    ['../*', []],
    ['link/*', []],
    ['nothing/*', []],
    ['a/*', []],
    ['', []],
  ])('%s', async (pattern, found) => {
    expect((await glob(root, pattern)).toSorted()).toEqual(found.toSorted());
  });

  it.each([
    ['stars', `long/${'*?'.repeat(120)}!`],
    ['letters', `long/${'*a'.repeat(200)}!`],
    ['folders', `${'**/*/'.repeat(300)}!`],
    ['brackets', '['.repeat(10_000)],
  ])('is not held up by very many %s', async (_, pattern) => {
    const begun = performance.now();
    expect(await glob(root, pattern)).toEqual([]);
    expect(performance.now() - begun).toBeLessThan(1_000);
  });
});
