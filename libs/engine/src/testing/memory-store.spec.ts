import { describe } from 'vitest';
import { memoryStore } from './memory-store.js';
import { storeContract } from './store-contract/index.js';

describe('the store in memory', () => {
  storeContract(async () => ({ store: memoryStore() }));
});
