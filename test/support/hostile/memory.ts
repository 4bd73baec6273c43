import { readFileSync } from 'node:fs';
import type { LocalProcess } from '../../../scripts/local/processes.js';

/** Whether the system tells how much memory a process has had. */
export const TELLS_MEMORY = process.platform === 'linux';

/** The most memory that a process has had in its life, in MB. @throws Error if it is gone */
export function peakMemoryOf({ pid }: LocalProcess): number {
  const kilobytes = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kilobytes) / 1_024;
}
