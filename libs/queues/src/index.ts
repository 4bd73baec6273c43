export * from './active-work.js';
export * from './cancel-channel.js';
export * from './delayed-work.js';
export * from './dispatcher.js';
export * from './names.js';
export * from './payload.js';
export * from './worker-options.js';
