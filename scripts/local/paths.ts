import { existsSync, mkdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

/** The repository's root, the same for the sources and for the compiled scripts below `dist/`. */
export const ROOT = rootAbove(import.meta.dirname);

/** A compiled program, e.g. `compiled('apps/worker/src/main.js')`. */
export const compiled = (path: string): string => join(ROOT, 'dist', path);

/** Where everything local is kept: `DATA_DIR`, or `.data` in the repository. */
export const dataDirectory = (env: NodeJS.ProcessEnv = process.env): string =>
  env.DATA_DIR ? resolve(env.DATA_DIR) : join(ROOT, '.data');

/** Creates a directory for secrets, which only its owner can read. */
export function privateDirectory(path: string): string {
  mkdirSync(dirname(path), { recursive: true });
  if (!existsSync(path)) mkdirSync(path, { mode: 0o700 });
  return path;
}

function rootAbove(directory: string): string {
  if (existsSync(join(directory, 'nest-cli.json'))) return directory;
  const parent = dirname(directory);
  if (parent === directory)
    throw new Error('There is no nest-cli.json above the scripts: Longshore must be run from its repository.');
  return rootAbove(parent);
}
