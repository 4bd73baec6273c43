import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { inject } from 'vitest';
import type { ProcessSpec } from '../../scripts/local/processes.js';
import { ProcessManager } from '../../scripts/local/process-manager.js';
import { removeCluster } from '../../scripts/services/postgres-place.js';
import { openPostgres } from '../../scripts/services/postgres.js';
import { openRedis } from '../../scripts/services/redis.js';

const OPENERS = { redis: openRedis, postgres: openPostgres };

/** A Redis or a PostgreSQL of a test file's own, to be hurt without harm to other files. */
export class PrivateServer {
  private constructor(
    private readonly manager: ProcessManager,
    private readonly spec: ProcessSpec,
    /** Where it keeps its data. */
    readonly directory: string,
    readonly url: string,
  ) {}

  static async start(kind: keyof typeof OPENERS): Promise<PrivateServer> {
    const home = join(inject('runsDirectory'), `${kind}-${randomBytes(6).toString('hex')}`);
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

  /** Ends it by a signal; resolves when it is gone. */
  async end(signal: NodeJS.Signals): Promise<void> {
    const process = this.manager.find(this.spec.name);
    process?.kill(signal);
    await process?.exited;
  }

  /** Has it keep its connections and answer nothing (SIGSTOP), or go on (SIGCONT). */
  send(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.manager.find(this.spec.name)?.kill(signal);
  }

  /** Starts it again, with its data, on the same port; resolves when it is ready. */
  async begin(): Promise<void> {
    await this.manager.start(this.spec);
  }

  /** Ends it for good and removes its data. */
  async close(): Promise<void> {
    await this.manager.stop();
    if (this.spec.name === 'postgres') removeCluster(this.directory);
    rmSync(join(this.directory, '..'), { recursive: true, force: true });
  }
}
