import { execFileSync } from 'node:child_process';
import { readIfThere } from './files.js';

/** Identifies a process for ever: a pid alone may be reused. */
export interface Identity {
  pid: number;
  /** When it was started, in the system's own format. */
  startedAt: string;
}

export function identify(pid: number): Identity | undefined {
  const startedAt = startOf(pid);
  return startedAt === undefined ? undefined : { pid, startedAt };
}

/** Whether this very process is running. A zombie is not. */
export const isAlive = ({ pid, startedAt }: Identity): boolean => startOf(pid) === startedAt;

/** The command line of a process, its parts joined by spaces; empty if there is none. */
export function commandOf(pid: number): string {
  if (process.platform === 'linux') return (readGone(`/proc/${pid}/cmdline`) ?? '').replaceAll('\0', ' ').trim();
  return ps(pid, 'command=');
}

function startOf(pid: number): string | undefined {
  return process.platform === 'linux' ? startFromProc(pid) : ps(pid, 'lstart=') || undefined;
}

/** proc(5): after the name in parentheses come the state (field 3) and, as field 22, the start time. */
function startFromProc(pid: number): string | undefined {
  const stat = readGone(`/proc/${pid}/stat`);
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields === undefined || fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
}

/** A process may end between opening its file and reading it. */
function readGone(path: string): string | undefined {
  try {
    return readIfThere(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return undefined;
    throw error;
  }
}

function ps(pid: number, column: string): string {
  try {
    return execFileSync('ps', ['-o', column, '-p', String(pid)], { encoding: 'utf8' }).trim();
  } catch {
    return '';
  }
}
