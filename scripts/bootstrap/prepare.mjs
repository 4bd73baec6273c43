import { spawnSync } from 'node:child_process';
import { buildIsCurrent, build } from './build.mjs';
import { hydrate, isHydrated } from './hydrate.mjs';
import { install, installIsCurrent } from './install.mjs';
import { withLock } from './lock.mjs';
import { LOCK, ROOT } from './paths.mjs';

/** What must be in place before anything runs, in order. Each part first checks whether there is anything to do. */
const PARTS = [
  { isCurrent: installIsCurrent, make: install },
  { isCurrent: isHydrated, make: hydrate },
  { isCurrent: buildIsCurrent, make: build },
];

/** Installs and builds what has changed. A second run at the same time waits, and then finds it done. */
export async function prepare() {
  process.chdir(ROOT);
  if (PARTS.every(({ isCurrent }) => isCurrent())) return;
  await withLock(LOCK, () => {
    for (const { isCurrent, make } of PARTS) if (!isCurrent()) make(run);
  });
}

/** Runs a command in the foreground. @throws an expected error if it fails */
function run(title, command, args) {
  process.stderr.write(`${title} …\n`);
  const { status, error } = spawnSync(command, args, { stdio: ['ignore', 2, 2] });
  if (status === 0) return;
  const why = error ? error.message : `exit code ${status}`;
  throw Object.assign(new Error(`${title} failed (${why}): ${[command, ...args].join(' ')}`), { expected: true });
}
