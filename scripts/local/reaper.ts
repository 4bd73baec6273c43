import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { spawn } from 'node:child_process';
import { compiled } from './paths.js';
import type { ProcessRecord } from './stages.js';

/** A helper process that stops our processes when we die, however we die. */
export interface Reaper {
  /** undefined if it could not be started. */
  readonly pid: number | undefined;
  /** Replaces the list of processes that it will stop. */
  track(records: readonly ProcessRecord[]): void;
  /** Ends it without stopping anything. */
  dismiss(): Promise<void>;
}

/** Starts a reaper in a session of its own: it notices our death by the end of its standard input. */
export function startReaper(): Reaper {
  const child = spawn(process.execPath, [compiled('scripts/reaper.js')], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  const ended = once(child, 'exit');
  // Without its reaper this process still works; only its own sudden death would leave processes behind.
  child.stdin.on('error', () => undefined);
  child.unref();
  return {
    pid: child.pid,
    track: (records) => void child.stdin.write(`${JSON.stringify(records)}\n`),
    dismiss: async () => {
      child.ref();
      child.stdin.end('[]\n');
      await ended;
    },
  };
}

/** The reaper's side. @returns the last list that it was sent, once its input has ended */
export async function lastTracked(input: NodeJS.ReadableStream): Promise<ProcessRecord[]> {
  let records: ProcessRecord[] = [];
  for await (const line of createInterface({ input })) records = JSON.parse(line) as ProcessRecord[];
  return records;
}
