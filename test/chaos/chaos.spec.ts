import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { compiled, dataDirectory } from '../../scripts/local/paths.js';

/** What `npm run chaos` takes; docs/reliability.md tells what it does. */
const MINUTES = '2';
const SEED = '29';
/** Two minutes, and the time to come to rest and to bring everything through. */
const WITHIN_MS = 480_000;

it(
  'two minutes of kills, freezes, cuts and restarts violate nothing',
  async () => {
    const told = await chaos(['--minutes', MINUTES, '--seed', SEED]);
    expect(told).toMatch(/\| \*\*violations\*\* +\| +0 \|/);
    expect(told).toMatch(/\| \*\*faults\*\* +\| +[1-9]\d+ \|/);
  },
  WITHIN_MS,
);

/** What the run tells; it exits with an error if there is a violation, and names it. */
async function chaos(options: string[]): Promise<string> {
  const env = { ...process.env, DATA_DIR: join(dataDirectory(), 'test-chaos') };
  try {
    return (await promisify(execFile)(process.execPath, [compiled('scripts/chaos/main.js'), ...options], { env }))
      .stdout;
  } catch (error) {
    const { message, stdout } = error as Error & { stdout?: string };
    return [message, stdout].join('\n');
  }
}
