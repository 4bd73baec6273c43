import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { compiled } from '../scripts/local/paths.js';

/**
 * Runs a program of the bench in a process of its own, so that neither disturbs the other.
 *
 * @param program below `bench/`, e.g. `yardsticks/raw-bullmq`
 * @param input its only argument, as JSON
 * @returns its output, parsed as JSON
 */
export async function inChild<T>(program: string, input: unknown): Promise<T> {
  const child = spawn(process.execPath, [compiled(`bench/${program}.js`), JSON.stringify(input)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [output, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  if (code !== 0) throw new Error(`${program} has ended with code ${code}.`);
  return JSON.parse(output) as T;
}

/** The child's side of {@link inChild}. */
export async function asChild<I>(work: (input: I) => Promise<unknown>): Promise<void> {
  const answer = await work(JSON.parse(process.argv[2] ?? 'null') as I);
  process.stdout.write(JSON.stringify(answer));
}
