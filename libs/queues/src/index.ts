export * from './active-work.js';
export * from './cancel-channel.js';
export * from './dispatcher.js';
export * from './names.js';
export * from './payload.js';
export * from './worker-options.js';
