import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { ProcessManager } from '../scripts/local/process-manager.js';
import { databaseUrl, freshDatabase } from '../scripts/services/databases.js';
import { openRedis } from '../scripts/services/redis.js';
import { openServices, type Services } from '../scripts/services/services.js';
import { makeDataset, type Dataset } from './data/dataset.js';
import { BenchFleet, type FleetOptions } from './fleet.js';
import type { Sizes } from './sizes.js';

const DATABASE = 'longshore_bench';

/** What lines need to measure: private services, a fleet at a time, and the data set. */
export class Bench {
  #dataset: Promise<Dataset> | undefined;

  private constructor(
    private readonly manager: ProcessManager,
    readonly sizes: Sizes,
    private readonly directory: string,
    private readonly services: Services,
  ) {}

  /**
   * Always starts its own servers, whatever `REDIS_URL` says: every fleet flushes its Redis.
   *
   * @param directory where everything is kept; data of the last run is reused
   */
  static async open(manager: ProcessManager, sizes: Sizes, directory: string): Promise<Bench> {
    mkdirSync(join(directory, 'data'), { recursive: true });
    return new Bench(manager, sizes, directory, await openServices(manager, directory, {}));
  }

  get redisUrl(): string {
    return this.services.redisUrl;
  }

  /** The database that the fleet writes to. */
  get databaseUrl(): string {
    return databaseUrl(this.services.adminUrl, DATABASE);
  }

  get importDirectory(): string {
    return join(this.directory, 'data');
  }

  /** Created at the first call. */
  dataset(): Promise<Dataset> {
    this.#dataset ??= makeDataset(this.importDirectory, this.sizes.rows);
    return this.#dataset;
  }

  /** Runs `work` against a fleet of its own, on an empty database and an empty Redis. */
  async withFleet<T>(options: FleetOptions, work: (fleet: BenchFleet) => Promise<T>): Promise<T> {
    if (options.apart) return this.#withFleetApart(options, work);
    return this.#withFleetIn(
      { manager: this.manager, directory: this.directory, redisUrl: this.redisUrl },
      options,
      work,
    );
  }

  async #withFleetApart<T>(options: FleetOptions, work: (fleet: BenchFleet) => Promise<T>): Promise<T> {
    const directory = join(this.directory, 'apart');
    const manager = await ProcessManager.open({ ...this.manager.options, directory });
    try {
      const redisUrl = await openRedis(manager, join(directory, 'redis'));
      return await this.#withFleetIn({ manager, directory, redisUrl }, options, work);
    } finally {
      await manager.stop();
    }
  }

  async #withFleetIn<T>(
    { manager, directory, redisUrl }: { manager: ProcessManager; directory: string; redisUrl: string },
    options: FleetOptions,
    work: (fleet: BenchFleet) => Promise<T>,
  ): Promise<T> {
    const database = options.apart ? `${DATABASE}_apart` : DATABASE;
    const place = {
      directory,
      redisUrl,
      databaseUrl: await freshDatabase(this.services.adminUrl, database),
      importDirectory: this.importDirectory,
    };
    const fleet = await BenchFleet.start(manager, { ...place, ...options });
    try {
      return await work(fleet);
    } finally {
      await fleet.stop();
    }
  }
}
