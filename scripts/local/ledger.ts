import { linkSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { readIfThere, writePrivately } from './files.js';
import { identify, isAlive, type Identity } from './identity.js';
import { stopRecorded, type ProcessRecord } from './stages.js';

interface Entries {
  /** Who uses the data directory. */
  owner: Identity;
  processes: readonly ProcessRecord[];
}

/** The record of what runs on a data directory: one owner at a time, and whatever a killed owner has left behind. */
export class Ledger {
  private constructor(
    readonly path: string,
    readonly owner: Identity,
  ) {}

  /**
   * Takes the data directory. If its last owner died without stopping everything, that is done first.
   *
   * @throws Error if a living process owns it
   */
  static async take(directory: string): Promise<Ledger> {
    const owner = identify(process.pid);
    if (!owner) throw new Error('This system does not tell when a process began (is ps missing?).');
    const ledger = new Ledger(ledgerPath(directory), owner);
    const before = readEntries(ledger.path);
    if (before && isAlive(before.owner)) throw new Error(inUse(directory, before.owner.pid));
    if (before) await stopRecorded(before.processes);
    if (readEntries(ledger.path)?.owner.pid === before?.owner.pid) rmSync(ledger.path, { force: true });
    ledger.#writeFirst(directory);
    return ledger;
  }

  /** Whether a living process owns the data directory. */
  static isTaken(directory: string): boolean {
    const entries = readEntries(ledgerPath(directory));
    return entries !== undefined && isAlive(entries.owner);
  }

  write(processes: readonly ProcessRecord[]): void {
    writePrivately(this.path, `${JSON.stringify({ owner: this.owner, processes })}\n`);
  }

  release(): void {
    rmSync(this.path, { force: true });
  }

  /** Of two that come at the same time, only one makes the file. */
  #writeFirst(directory: string): void {
    const draft = `${this.path}.${process.pid}`;
    writePrivately(draft, `${JSON.stringify({ owner: this.owner, processes: [] })}\n`);
    try {
      linkSync(draft, this.path);
    } catch (error) {
      throw new Error(inUse(directory, readEntries(this.path)?.owner.pid), { cause: error });
    } finally {
      rmSync(draft, { force: true });
    }
  }
}

const ledgerPath = (directory: string) => join(directory, 'processes.json');

function readEntries(path: string): Entries | undefined {
  const text = readIfThere(path);
  return text === undefined ? undefined : (JSON.parse(text) as Entries);
}

const inUse = (directory: string, pid: number | undefined) =>
  `Longshore runs on ${directory} already (process ${pid}). Stop that one, or choose another place with DATA_DIR.`;
