import { rmSync } from 'node:fs';
import { commandOf, identify } from '../local/identity.js';
import { readIfThere } from '../local/files.js';
import { stopRecorded, type Stage } from '../local/stages.js';

/**
 * Stops a server that an earlier run has left behind, and removes its pid file. Where the pid now belongs to another
 * program, only the pid file is removed.
 *
 * @param pidFile holds the server's pid in its first line
 * @param program a word of the server's command line, e.g. `postgres`
 */
export async function stopOrphan(pidFile: string, stage: Stage, program: string): Promise<void> {
  const pid = Number.parseInt(readIfThere(pidFile) ?? '', 10);
  if (Number.isNaN(pid)) return;
  const identity = identify(pid);
  if (identity && commandOf(pid).includes(program)) await stopRecorded([{ ...identity, name: program, stage }]);
  rmSync(pidFile, { force: true });
}
