import { join } from 'node:path';
import { runSupervised } from '../scripts/local/lifetime.js';
import { dataDirectory } from '../scripts/local/paths.js';
import { readAsked, type Asked } from './asked.js';
import { Bench } from './bench.js';
import { resultOf, type Result } from './line.js';
import { drawPlots } from './plots/draw.js';
import { circumstances, table } from './report.js';

/** Progress goes to standard error, results to standard output. */
const say = (line: string) => void process.stderr.write(`${line}\n`);
const print = (text: string) => void process.stdout.write(`${text}\n`);

async function measure({ lines }: Asked, bench: Bench): Promise<Result[]> {
  const results: Result[] = [];
  for (const line of lines) {
    const began = performance.now();
    results.push(resultOf(line, await line.measure(bench)));
    const [row] = table(results.slice(-1)).split('\n').slice(2);
    say(`${row} ${((performance.now() - began) / 1_000).toFixed(0)} s`);
  }
  return results;
}

const args = process.argv.slice(2);
const asked = readAsked(args);
const directory = join(dataDirectory(), 'bench');

await runSupervised({ directory, revive: false, say, leaveCode: 130 }, async (supervisor) => {
  const facts = circumstances(args);
  const bench = await Bench.open(supervisor, asked.sizes, directory);
  if (asked.plots) {
    await drawPlots(bench, facts, say);
    return 0;
  }
  const results = await measure(asked, bench);
  print(
    asked.json
      ? JSON.stringify({ ...facts, results }, null, 2)
      : `${facts.machine}, load ${facts.load.toFixed(1)}; ${facts.date}; ${facts.command}\n\n${table(results)}`,
  );
  return 0;
});
