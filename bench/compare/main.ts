import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { dataDirectory, ROOT } from '../../scripts/local/paths.js';
import { LINES } from '../registry.js';
import { circumstances, headline } from '../report.js';
import { checkOut } from './checkout.js';
import { measure } from './measure.js';
import { header, rowOf, type Round } from './table.js';

const USAGE = 'npm run bench -- compare <commit-a> <commit-b> [line…] [--rounds 3] [--quick]';

/** Progress goes to standard error, the table to standard output. */
const say = (line: string) => void process.stderr.write(`${line}\n`);
const print = (line: string) => void process.stdout.write(`${line}\n`);

/** Measures two commits against each other, in turn, on this machine. @param args the command line after `compare` */
export async function compare(args: readonly string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { rounds: { type: 'string', default: '3' }, quick: { type: 'boolean', default: false } },
  });
  const [nameA, nameB, ...named] = positionals;
  const rounds = Number(values.rounds);
  if (!nameA || !nameB || !Number.isInteger(rounds) || rounds < 1) throw new Error(`Usage: ${USAGE}`);
  const facts = circumstances(['compare', ...args]);
  const worktrees = join(dataDirectory(), 'compare');
  const a = await checkOut(nameA, ROOT, worktrees);
  const b = await checkOut(nameB, ROOT, worktrees);
  say(`a: ${nameA} in ${a.directory}\nb: ${nameB} in ${b.directory}`);
  const flags = values.quick ? ['--quick'] : [];
  const rows: string[] = [];
  for (const line of named.length > 0 ? named : LINES.map(({ name }) => name)) {
    const measured: Round[] = [];
    for (let round = 0; round < rounds; round += 1) {
      const before = measured[0];
      if (before && !(before.a && before.b)) break;
      measured.push(await roundOf(round, (side) => measure(side === 'a' ? a : b, line, flags)));
      say(`${line}, round ${round + 1} of ${rounds}: ${rowOf(line, measured.slice(-1))}`);
    }
    rows.push(rowOf(line, measured));
  }
  print([headline(facts), '', header(nameA, nameB), ...rows].join('\n'));
}

/** In every other round b goes first, so that a machine that gets slower or faster favours neither. */
async function roundOf(round: number, run: (side: keyof Round) => Promise<Round['a']>): Promise<Round> {
  if (round % 2 === 0) return { a: await run('a'), b: await run('b') };
  const b = await run('b');
  return { a: await run('a'), b };
}
