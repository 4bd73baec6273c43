import { existsSync, mkdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

/** The repository's root: the sources and the compiled scripts below `dist/` find the same. */
export const ROOT = rootAbove(import.meta.dirname);

/** A compiled program, e.g. `compiled('apps/worker/src/main.js')`. */
export const compiled = (path: string): string => join(ROOT, 'dist', path);

/** Where everything local is kept: `DATA_DIR`, or `.data` in the repository. */
export const dataDirectory = (env: NodeJS.ProcessEnv = process.env): string =>
  env.DATA_DIR ? resolve(env.DATA_DIR) : join(ROOT, '.data');

/** Makes a directory that holds secrets: nobody else may look in. */
export function privateDirectory(path: string): string {
  mkdirSync(dirname(path), { recursive: true });
  if (!existsSync(path)) mkdirSync(path, { mode: 0o700 });
  return path;
}

function rootAbove(directory: string): string {
  if (existsSync(join(directory, 'nest-cli.json'))) return directory;
  const parent = dirname(directory);
  if (parent === directory) throw new Error('Longshore was moved apart: nest-cli.json is nowhere above the scripts.');
  return rootAbove(parent);
}
