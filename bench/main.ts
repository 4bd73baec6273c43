import { join } from 'node:path';
import { runWithProcesses } from '../scripts/local/lifetime.js';
import { dataDirectory } from '../scripts/local/paths.js';
import { Bench } from './bench.js';
import { resultOf, type Result } from './line.js';
import { readOptions, type BenchOptions } from './options.js';
import { drawPlots } from './plots/draw.js';
import { circumstances, table } from './report.js';

/** Progress goes to standard error, results to standard output. */
const say = (line: string) => void process.stderr.write(`${line}\n`);
const print = (text: string) => void process.stdout.write(`${text}\n`);

async function measure({ lines }: BenchOptions, bench: Bench): Promise<Result[]> {
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
const options = readOptions(args);
const directory = join(dataDirectory(), 'bench');

await runWithProcesses({ directory, restart: false, say, signalExitCode: 130 }, async (manager) => {
  const facts = circumstances(args);
  const bench = await Bench.open(manager, options.sizes, directory);
  if (options.plots) {
    await drawPlots(bench, facts, say);
    return 0;
  }
  const results = await measure(options, bench);
  print(
    options.json
      ? JSON.stringify({ ...facts, results }, null, 2)
      : `${facts.machine}, load ${facts.load.toFixed(1)}; ${facts.date}; ${facts.command}\n\n${table(results)}`,
  );
  return 0;
});
