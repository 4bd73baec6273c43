import { linkSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { readIfThere, writePrivately } from './files.js';
import { identify, isAlive, type Identity } from './identity.js';
import { stopRecorded, type ProcessRecord } from './stages.js';

interface Content {
  /** The process that uses the data directory. */
  owner: Identity;
  /** What it has started. */
  processes: readonly ProcessRecord[];
}

/**
 * `processes.json` in a data directory: locks the directory for one owner, and lists the processes that the owner has
 * started, so that the next owner can stop what a killed one has left running.
 */
export class PidFile {
  private constructor(
    readonly path: string,
    readonly owner: Identity,
  ) {}

  /**
   * Makes this process the owner of a data directory. If the last owner died without stopping its processes, they are
   * stopped first.
   *
   * @throws Error if a living process owns it
   */
  static async acquire(directory: string): Promise<PidFile> {
    const owner = identify(process.pid);
    if (!owner) throw new Error('The start time of a process cannot be read on this system (is ps installed?).');
    const file = new PidFile(pathIn(directory), owner);
    const before = read(file.path);
    if (before && isAlive(before.owner)) throw new Error(inUse(directory, before.owner.pid));
    if (before) await stopRecorded(before.processes);
    if (read(file.path)?.owner.pid === before?.owner.pid) rmSync(file.path, { force: true });
    file.#create(directory);
    return file;
  }

  /** Whether a living process owns the data directory. */
  static isHeld(directory: string): boolean {
    const content = read(pathIn(directory));
    return content !== undefined && isAlive(content.owner);
  }

  write(processes: readonly ProcessRecord[]): void {
    writePrivately(this.path, `${JSON.stringify({ owner: this.owner, processes })}\n`);
  }

  release(): void {
    rmSync(this.path, { force: true });
  }

  /** Of two processes that try at the same time, only one succeeds: link(2) fails where the file exists. */
  #create(directory: string): void {
    const draft = `${this.path}.${process.pid}`;
    writePrivately(draft, `${JSON.stringify({ owner: this.owner, processes: [] })}\n`);
    try {
      linkSync(draft, this.path);
    } catch (error) {
      throw new Error(inUse(directory, read(this.path)?.owner.pid), { cause: error });
    } finally {
      rmSync(draft, { force: true });
    }
  }
}

const pathIn = (directory: string) => join(directory, 'processes.json');

function read(path: string): Content | undefined {
  const text = readIfThere(path);
  return text === undefined ? undefined : (JSON.parse(text) as Content);
}

const inUse = (directory: string, pid: number | undefined) =>
  `Longshore already runs on ${directory} (process ${pid}). Stop that process, or choose another directory with DATA_DIR.`;
