import { storeContract } from '#engine/store-contract';
import { describe } from 'vitest';
import { TestRepository } from '../support/repository.js';

describe('the store in Redis', () => {
  storeContract(async () => {
    const repository = new TestRepository();
    return { store: repository.store, close: () => repository.close() };
  });
});
