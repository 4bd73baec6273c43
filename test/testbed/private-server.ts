import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { ProcessManager } from '../../scripts/local/process-manager.js';
import type { ProcessSpec } from '../../scripts/local/processes.js';
import { removeCluster } from '../../scripts/services/postgres-place.js';
import { openPostgres } from '../../scripts/services/postgres.js';
import { openRedis } from '../../scripts/services/redis.js';

const OPENERS = { redis: openRedis, postgres: openPostgres };

export type ServerKind = keyof typeof OPENERS;

/** A Redis or a PostgreSQL that can be killed, frozen and started again. */
export class PrivateServer {
  private constructor(
    private readonly manager: ProcessManager,
    private readonly spec: ProcessSpec,
    /** Where it keeps its data. */
    readonly directory: string,
    readonly url: string,
  ) {}

  /** Starts it. @param runsDirectory its data is in a directory of its own below this one */
  static async start(kind: ServerKind, runsDirectory: string): Promise<PrivateServer> {
    const home = join(runsDirectory, `${kind}-${randomBytes(6).toString('hex')}`);
    const manager = await ProcessManager.open({ directory: home, restart: false, say: (line) => console.log(line) });
    const directory = join(home, kind);
    try {
      const url = await OPENERS[kind](manager, directory);
      return new PrivateServer(manager, manager.find(kind)!.spec, directory, url);
    } catch (error) {
      await manager.stop();
      throw error;
    }
  }

  /** Ends it by a signal; resolves when it has ended. */
  async end(signal: NodeJS.Signals): Promise<void> {
    const process = this.manager.find(this.spec.name);
    process?.kill(signal);
    await process?.exited;
  }

  /** Freezes it (SIGSTOP): it keeps its connections and answers nothing; or continues it (SIGCONT). */
  send(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.manager.find(this.spec.name)?.kill(signal);
  }

  /** Starts it again, with its data, on the same port; resolves when it is ready. */
  async begin(): Promise<void> {
    await this.manager.start(this.spec);
  }

  /** Stops it and removes its data. */
  async close(): Promise<void> {
    await this.manager.stop();
    if (this.spec.name === 'postgres') removeCluster(this.directory);
    rmSync(join(this.directory, '..'), { recursive: true, force: true });
  }
}
