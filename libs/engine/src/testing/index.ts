export * from './clock.js';
export * from './memory-database.js';
export * from './memory-engine.js';
export * from './memory-queue.js';
export * from './memory-store.js';
export * from './processes.js';
