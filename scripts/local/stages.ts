import { setTimeout as pause } from 'node:timers/promises';
import { isAlive, type Identity } from './identity.js';

/** The kinds of processes, in the order in which they are stopped. */
export const STAGES = ['gateway', 'worker', 'redis', 'postgres'] as const;

export type Stage = (typeof STAGES)[number];

interface Shutdown {
  signal: NodeJS.Signals;
  /** How long it may take before SIGKILL follows, in ms. */
  withinMs: number;
}

/** How each kind of process is stopped. SIGINT is PostgreSQL's fast shutdown. */
export const SHUTDOWN: Record<Stage, Shutdown> = {
  gateway: { signal: 'SIGTERM', withinMs: 15_000 },
  worker: { signal: 'SIGTERM', withinMs: 30_000 },
  redis: { signal: 'SIGTERM', withinMs: 30_000 },
  postgres: { signal: 'SIGINT', withinMs: 60_000 },
};

/** A running process, recorded so that it can be stopped later. */
export interface ProcessRecord extends Identity {
  name: string;
  stage: Stage;
}

/** Stops processes whose parent has died, stage by stage; those that do not end in time are killed. */
export async function stopRecorded(records: readonly ProcessRecord[]): Promise<void> {
  for (const stage of STAGES) {
    const living = records.filter((record) => record.stage === stage && isAlive(record));
    await Promise.all(living.map((record) => stopOrphan(record, SHUTDOWN[stage])));
  }
}

async function stopOrphan(who: Identity, { signal, withinMs }: Shutdown): Promise<void> {
  sendSignal(who.pid, signal);
  // A process that is stopped (SIGSTOP) handles the signal only once it is continued.
  sendSignal(who.pid, 'SIGCONT');
  if (await hasEnded(who, withinMs)) return;
  sendSignal(who.pid, 'SIGKILL');
  await hasEnded(who, withinMs);
}

/** Whether a process ends in time. The end of a process that is not our child has to be polled for. */
export async function hasEnded(who: Identity, withinMs: number): Promise<boolean> {
  for (const deadline = Date.now() + withinMs; Date.now() < deadline; await pause(20)) if (!isAlive(who)) return true;
  return !isAlive(who);
}

function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
