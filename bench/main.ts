import { join } from 'node:path';
import { runWithProcesses } from '../scripts/local/lifetime.js';
import { dataDirectory } from '../scripts/local/paths.js';
import { Bench } from './bench.js';
import { compare } from './compare/main.js';
import { resultOf, type Result } from './line.js';
import { readOptions, type BenchOptions } from './options.js';
import { drawPlots } from './plots/draw.js';
import { circumstances, headline, table } from './report.js';

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

async function runBench(args: readonly string[]): Promise<never> {
  const options = readOptions(args);
  const directory = join(dataDirectory(), 'bench');
  return runWithProcesses({ directory, restart: false, say, signalExitCode: 130 }, async (manager) => {
    const facts = circumstances(args);
    const bench = await Bench.open(manager, options.sizes, directory);
    if (options.plots) {
      await drawPlots(bench, facts, say);
      return 0;
    }
    const results = await measure(options, bench);
    print(options.json ? JSON.stringify({ ...facts, results }, null, 2) : `${headline(facts)}\n\n${table(results)}`);
    return 0;
  });
}

const [command, ...rest] = process.argv.slice(2);
try {
  await (command === 'compare' ? compare(rest) : runBench(process.argv.slice(2)));
} catch (error) {
  say((error as Error).message);
  process.exitCode = 1;
}
