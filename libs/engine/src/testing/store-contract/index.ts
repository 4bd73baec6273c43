import { it } from 'vitest';
import type { EngineStore } from '../memory-store.js';
import { operationsContract } from './operations.js';
import { partitionsContract } from './partitions.js';
import { Scene, type ContractTest } from './scene.js';
import { stepsContract } from './steps.js';
import { upkeepContract } from './upkeep.js';

/**
 * What every store of the engine must keep: the promises of its ports, as tests.
 *
 * @param open a store of a module of its own for each test, and what clears it away
 */
export function storeContract(open: () => Promise<{ store: EngineStore; close?: () => Promise<void> }>): void {
  const test: ContractTest = (name, body) => {
    // oxlint-disable-next-line vitest/valid-title, vitest/expect-expect
    it(name, async () => {
      const { store, close } = await open();
      try {
        await body(new Scene(store), store);
      } finally {
        await close?.();
      }
    });
  };
  operationsContract(test);
  stepsContract(test);
  partitionsContract(test);
  upkeepContract(test);
}
