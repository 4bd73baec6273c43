import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Supervisor } from '../scripts/local/supervisor.js';
import { databaseUrl, freshDatabase } from '../scripts/services/databases.js';
import { openServices, type Services } from '../scripts/services/services.js';
import { makeDataset, type Dataset } from './data/dataset.js';
import { BenchFleet, type FleetOptions } from './fleet.js';
import type { Sizes } from './sizes.js';

const DATABASE = 'longshore_bench';

/** What lines measure with: private services, one fleet at a time, and the data. */
export class Bench {
  #dataset: Promise<Dataset> | undefined;

  private constructor(
    private readonly supervisor: Supervisor,
    readonly sizes: Sizes,
    private readonly directory: string,
    private readonly services: Services,
  ) {}

  /** @param directory where everything is kept; what is there from the last run is used again */
  static async open(supervisor: Supervisor, sizes: Sizes, directory: string): Promise<Bench> {
    mkdirSync(join(directory, 'data'), { recursive: true });
    return new Bench(supervisor, sizes, directory, await openServices(supervisor, directory));
  }

  get redisUrl(): string {
    return this.services.redisUrl;
  }

  /** Where the fleet writes to. */
  get databaseUrl(): string {
    return databaseUrl(this.services.adminUrl, DATABASE);
  }

  get importDirectory(): string {
    return join(this.directory, 'data');
  }

  /** Made at the first call. */
  dataset(): Promise<Dataset> {
    this.#dataset ??= makeDataset(this.importDirectory, this.sizes.rows);
    return this.#dataset;
  }

  /** Runs `work` against a fleet of its own, on an empty database and an empty Redis. */
  async withFleet<T>(options: FleetOptions, work: (fleet: BenchFleet) => Promise<T>): Promise<T> {
    await freshDatabase(this.services.adminUrl, DATABASE);
    const fleet = await BenchFleet.start(this.supervisor, {
      directory: this.directory,
      redisUrl: this.redisUrl,
      databaseUrl: this.databaseUrl,
      importDirectory: this.importDirectory,
      ...options,
    });
    try {
      return await work(fleet);
    } finally {
      await fleet.stop();
    }
  }
}
