import { rmSync, writeFileSync, mkdirSync, renameSync } from 'node:fs';
import { dirname } from 'node:path';
import { pathToFileURL } from 'node:url';
import { compiled } from '../local/paths.js';

/** What is wrong with a worker from within, as long as its file says so. */
export interface Disturbance {
  /** How far its clock is ahead, in ms; negative where it is behind. Default 0. */
  clockMs?: number;
  /** Whether calls to files below the import directory hang. Default false. */
  hangsReads?: boolean;
}

/** Environment variables of a worker that can be disturbed. */
export const DISTURBANCE_FILE = 'CHAOS_DISTURBANCE_FILE';
export const IMPORT_DIRECTORY = 'IMPORT_DIRECTORY';

/** Node's options for such a worker. */
export const preloadOptions = (): string[] => ['--import', pathToFileURL(compiled('scripts/chaos/preload.js')).href];

/** Disturbs the worker that has this file. The file is replaced as a whole, so it is never read half written. */
export function disturb(file: string, disturbance: Disturbance): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(`${file}.new`, JSON.stringify(disturbance));
  renameSync(`${file}.new`, file);
}

export const undisturb = (file: string): void => rmSync(file, { force: true });
