import { statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { makeSample } from '../sample/sample.js';

export interface DemoSource {
  importDirectory: string;
  /** What to import, below the import directory. */
  source: string;
}

/**
 * What the demo imports: the sample, created at the first run, or a directory or file of the user's.
 *
 * @throws Error if the path does not exist
 */
export async function demoSource(path: string | undefined, dataDirectory: string): Promise<DemoSource> {
  if (path === undefined) {
    const importDirectory = join(dataDirectory, 'sample');
    await makeSample(importDirectory);
    return { importDirectory, source: '.' };
  }
  // npm runs scripts in the package's root; a relative path is relative to the user's directory.
  const full = resolve(process.env.INIT_CWD ?? '.', path);
  const found = statSync(full, { throwIfNoEntry: false });
  if (!found) throw new Error(`${full} does not exist. Give a directory or a file: npm run demo -- PATH`);
  return found.isDirectory()
    ? { importDirectory: full, source: '.' }
    : { importDirectory: dirname(full), source: basename(full) };
}
