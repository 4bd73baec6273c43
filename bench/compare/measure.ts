import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { Result } from '../line.js';
import type { Checkout } from './checkout.js';

/** What a commit's own bench says of one line; undefined where it does not have that line. */
export type Measured = Pick<Result, 'ours' | 'unit'> | undefined;

/** Its message, where a line is not known; the wording must stay as it is in the commits that are compared. */
const UNKNOWN_LINE = /There is no line /;

/**
 * Runs one line of a commit by the commit's own bench.
 *
 * @param flags passed on, e.g. `--quick`
 * @throws Error with what it printed, if it fails for another reason than not having the line
 */
export async function measure(
  { name, directory }: Checkout,
  line: string,
  flags: readonly string[],
): Promise<Measured> {
  const { DATA_DIR: _, ...ours } = process.env;
  // As a script of npm it exits when its parent dies, so that it does not outlive us.
  const env = { ...ours, npm_lifecycle_event: 'bench' };
  const child = spawn(process.execPath, [join(directory, 'dist/bench/main.js'), '--json', ...flags, line], {
    stdio: ['ignore', 'pipe', 'pipe'],
    cwd: directory,
    env,
  });
  const [output, errors, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
  if (code === 0) return (JSON.parse(output) as { results: Result[] }).results.find((result) => result.name === line);
  if (UNKNOWN_LINE.test(errors)) return undefined;
  throw new Error(`${line} has failed in ${name} (${directory}), exit code ${code}:\n${errors.trim()}`);
}
