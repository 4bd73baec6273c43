import { execFileSync } from 'node:child_process';
import { readIfThere } from './files.js';

/** A process for good: a pid alone may have passed to another one. */
export interface Identity {
  pid: number;
  /** When it began, in the system's own terms. */
  birth: string;
}

export function identify(pid: number): Identity | undefined {
  const birth = birthOf(pid);
  return birth === undefined ? undefined : { pid, birth };
}

/** Whether this very process lives. One that has ended and was not yet waited for does not. */
export const isAlive = ({ pid, birth }: Identity): boolean => birthOf(pid) === birth;

/** The command line of a process, its parts joined by spaces; empty if there is none. */
export function commandOf(pid: number): string {
  if (process.platform === 'linux') return (readGone(`/proc/${pid}/cmdline`) ?? '').replaceAll('\0', ' ').trim();
  return ps(pid, 'command=');
}

function birthOf(pid: number): string | undefined {
  return process.platform === 'linux' ? birthFromProc(pid) : ps(pid, 'lstart=') || undefined;
}

/** proc(5): behind the name in parentheses come the state (field 3) and, as field 22, the time of the start. */
function birthFromProc(pid: number): string | undefined {
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
