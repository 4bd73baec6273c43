import { afterAll, beforeAll, it } from 'vitest';
import { faultsContract } from './faults.js';
import { gatesContract } from './gates.js';
import { ledgersContract } from './ledgers.js';
import { Scene, type ContractTest, type SinkUnderTest } from './scene.js';
import { sessionsContract } from './sessions.js';

export type { SinkUnderTest } from './scene.js';

/**
 * What the engine relies on in every {@link SinkUnderTest.sink}: the promises of `TransactionalSink`, as tests. Call it
 * in a `describe` of a Vitest file.
 *
 * @param open opens an empty database, once for all tests, which nobody else uses; what it returns is closed in the end
 */
export function sinkContract<O>(open: () => Promise<SinkUnderTest<O>>): void {
  let database: SinkUnderTest<unknown>;
  beforeAll(async () => {
    database = (await open()) as SinkUnderTest<unknown>;
  });
  afterAll(() => database.close?.());

  const test: ContractTest = (name, body) => {
    // oxlint-disable-next-line vitest/valid-title, vitest/expect-expect
    it(name, async () => {
      const scene = new Scene(database);
      try {
        await body(scene);
      } finally {
        await scene.end();
      }
    });
  };
  sessionsContract(test);
  gatesContract(test);
  ledgersContract(test);
  faultsContract(test);
}
