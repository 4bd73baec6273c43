import { existsSync, lstatSync, mkdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../../scripts/services/programs.js';

/** A commit's own sources, packages and build. */
export interface Checkout {
  /** As it was given, e.g. `main` or `HEAD~1`. */
  name: string;
  /** The full hash. */
  commit: string;
  directory: string;
}

/** Installing and building takes minutes at most. */
const PREPARE_WITHIN_MS = 900_000;

/**
 * Checks a commit out into a worktree of its own, and installs and builds it there. A worktree that is there is used
 * again.
 *
 * @param root of the repository
 * @param worktrees where worktrees are kept
 * @throws Error if there is no such commit, or if it does not build
 */
export async function checkOut(name: string, root: string, worktrees: string): Promise<Checkout> {
  const git = (...args: string[]) => run('git', ['-C', root, ...args]);
  const commit = (await git('rev-parse', '--verify', '--quiet', `${name}^{commit}`).catch(() => '')).trim();
  if (commit === '') throw new Error(`There is no commit ${name}. Give a hash, a branch or a tag, e.g. HEAD~1.`);
  const directory = join(worktrees, commit.slice(0, 12));
  mkdirSync(worktrees, { recursive: true });
  if (!existsSync(join(directory, 'package.json'))) {
    await git('worktree', 'prune');
    await git('worktree', 'add', '--force', '--detach', directory, commit);
  }
  shareModules(root, directory);
  await run(process.execPath, [join(directory, 'scripts/bootstrap.mjs')], { timeout: PREPARE_WITHIN_MS });
  return { name, commit, directory };
}

/**
 * Where both need the same packages, ours are linked; else the commit's own bootstrap installs them. An old link goes
 * first: an installation through it would change our packages.
 */
function shareModules(root: string, directory: string): void {
  const modules = join(directory, 'node_modules');
  const present = lstatSync(modules, { throwIfNoEntry: false });
  if (present?.isSymbolicLink()) rmSync(modules);
  else if (present) return;
  if (lockOf(root) === lockOf(directory)) symlinkSync(join(root, 'node_modules'), modules);
}

const lockOf = (directory: string): string => readFileSync(join(directory, 'package-lock.json'), 'utf8');
