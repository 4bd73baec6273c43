import { describe } from 'vitest';
import { sinkContract } from '#job-kit/sink-contract';
import { MemoryDatabase } from './memory-database.js';

interface Entry {
  number: number;
}

describe('the sink in memory', () => {
  sinkContract<Entry>(async () => {
    const database = new MemoryDatabase();
    return {
      sink: database.sink<Entry>(),
      item: (_, number) => ({ number }),
      stored: async (instanceUuid) =>
        database.items
          .filter((written) => written.instanceUuid === instanceUuid)
          .map(({ item }) => (item as Entry).number)
          .toSorted((a, b) => a - b),
      disconnect: async () => {
        database.available = false;
        return async () => void (database.available = true);
      },
      backup: async () => {
        const backup = database.backup();
        return async () => database.putBack(backup);
      },
    };
  });
});
