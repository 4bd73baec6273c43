import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { spawn } from 'node:child_process';
import { compiled } from './paths.js';
import type { ProcessRecord } from './stages.js';

/** Stands by to stop processes when we die, however we die. */
export interface Guard {
  /** undefined if it could not be started. */
  readonly pid: number | undefined;
  /** Tells it whom to stop; replaces what it was told before. */
  watch(records: readonly ProcessRecord[]): void;
  /** Sends it home. */
  dismiss(): Promise<void>;
}

/** Starts a guard: a process of its own session, which learns of our death from its standard input's end. */
export function postGuard(): Guard {
  const child = spawn(process.execPath, [compiled('scripts/guard.js')], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  const ended = once(child, 'exit');
  // A guard that is gone protects nobody, but nothing else suffers.
  child.stdin.on('error', () => undefined);
  child.unref();
  return {
    pid: child.pid,
    watch: (records) => void child.stdin.write(`${JSON.stringify(records)}\n`),
    dismiss: async () => {
      child.ref();
      child.stdin.end('[]\n');
      await ended;
    },
  };
}

/** The guard's own life: remember the last list, and act on it at the end of the input. */
export async function standGuard(input: NodeJS.ReadableStream): Promise<ProcessRecord[]> {
  let records: ProcessRecord[] = [];
  for await (const line of createInterface({ input })) records = JSON.parse(line) as ProcessRecord[];
  return records;
}
