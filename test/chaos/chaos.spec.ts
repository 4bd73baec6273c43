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
    const program = compiled('scripts/chaos/main.js');
    const { stdout } = await promisify(execFile)(process.execPath, [program, '--minutes', MINUTES, '--seed', SEED], {
      env: { ...process.env, DATA_DIR: join(dataDirectory(), 'test-chaos') },
    });
    // It exits with an error, and its output is told, if there is a violation.
    expect(stdout).toMatch(/\| \*\*violations\*\* +\| +0 \|/);
    expect(stdout).toMatch(/\| \*\*faults\*\* +\| +[1-9]\d+ \|/);
  },
  WITHIN_MS,
);
