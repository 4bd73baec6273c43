import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ARGUMENTS, inOrder, prologueOf, type ScriptName } from './arguments.js';
import { SOURCES } from './index.js';

const HERE = new URL('.', import.meta.url);
const NAMES = Object.keys(ARGUMENTS) as ScriptName[];
const headerOf = (name: string): string => readFileSync(new URL(`${name}.lua`, HERE), 'utf8').split('\n\n')[0] ?? '';

describe('the table of arguments', () => {
  it('lists the scripts there are', () => {
    const files = readdirSync(HERE).filter((file) => file.endsWith('.lua'));
    expect(NAMES.map((name) => `${name}.lua`).toSorted()).toEqual(files.toSorted());
  });

  it.each(NAMES)('agrees with the header of %s, which also tells its answer', (name) => {
    const [, header] = /^-- args: (.*)$/m.exec(headerOf(name)) ?? [];
    expect(header?.split(' ')).toEqual(ARGUMENTS[name]);
    expect(headerOf(name)).toMatch(/^-- Returns /m);
    expect(headerOf(name)).toMatch(/\bTwice\b|Changes nothing\./);
  });
});

describe('a script as Redis gets it', () => {
  it('has its arguments by name, the last ones as a list', () => {
    expect(prologueOf('renew')).toBe('local id, token, leaseMs = ARGV[1], ARGV[2], ARGV[3]');
    expect(prologueOf('facts')).toContain('for i = 3, #ARGV do steps[i - 2] = ARGV[i] end');
  });

  it('has the functions that it uses, no others, and no comments', () => {
    const lua = SOURCES.get('renew')!;
    expect(lua).toContain('local function holdsLease');
    expect(lua).not.toContain('local function moveTo');
    expect(lua).not.toMatch(/^ *--/m);
  });
});

describe('a call', () => {
  it('gives the arguments in the order of the table, whatever the order they are named in', () => {
    expect(inOrder('renew', { leaseMs: 3, token: 'b', id: 1 })).toEqual([1, 'b', 3]);
  });

  it('sends the empty string for what is undefined, and a list last', () => {
    expect(
      inOrder('endExecution', {
        id: 1,
        token: 't',
        status: 'COMPLETED',
        exitCode: 'COMPLETED',
        failedStep: undefined,
        message: undefined,
        seals: ['a', 'b', 2],
      }),
    ).toEqual([1, 't', 'COMPLETED', 'COMPLETED', '', '', 'a', 'b', 2]);
    expect(inOrder('facts', { id: 1, token: 't', steps: [] })).toEqual([1, 't']);
  });
});
