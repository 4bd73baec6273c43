import { setTimeout as pause } from 'node:timers/promises';
import { isAlive, type Identity } from './identity.js';

/** The kinds of processes, in the order in which they are stopped. */
export const STAGES = ['gateway', 'worker', 'redis', 'postgres'] as const;

export type Stage = (typeof STAGES)[number];

/** How each kind is asked to leave, and how long it may take, in ms. PostgreSQL's SIGINT is its fast shutdown. */
export const FAREWELL: Record<Stage, { signal: NodeJS.Signals; withinMs: number }> = {
  gateway: { signal: 'SIGTERM', withinMs: 15_000 },
  worker: { signal: 'SIGTERM', withinMs: 30_000 },
  redis: { signal: 'SIGTERM', withinMs: 30_000 },
  postgres: { signal: 'SIGINT', withinMs: 60_000 },
};

/** A running process, as it is written down for whoever has to stop it later. */
export interface ProcessRecord extends Identity {
  name: string;
  stage: Stage;
}

/** Stops processes that are nobody's children any more, stage by stage; those that do not leave in time are killed. */
export async function stopRecorded(records: readonly ProcessRecord[]): Promise<void> {
  for (const stage of STAGES) {
    const living = records.filter((record) => record.stage === stage && isAlive(record));
    await Promise.all(living.map((record) => stopStranger(record, FAREWELL[stage])));
  }
}

async function stopStranger(who: Identity, { signal, withinMs }: (typeof FAREWELL)[Stage]): Promise<void> {
  sendSignal(who.pid, signal);
  // One that was frozen hears it only when it goes on.
  sendSignal(who.pid, 'SIGCONT');
  if (await hasEnded(who, withinMs)) return;
  sendSignal(who.pid, 'SIGKILL');
  await hasEnded(who, withinMs);
}

/** Whether a process ends in time. Nobody tells us of the end of one that is not our child: look until the deadline. */
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
