import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Version of the software, as its package has it. */
export const VERSION = versionAbove(import.meta.dirname);

/** Sources and what is built of them lie at different depths below the package. */
function versionAbove(directory: string): string {
  try {
    return (JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')) as { version: string }).version;
  } catch {
    const parent = dirname(directory);
    return parent === directory ? 'unknown' : versionAbove(parent);
  }
}
