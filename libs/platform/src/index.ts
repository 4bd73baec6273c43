export * from './logger.js';
export * from './nest-logger.js';
export * from './redis.js';
export * from './settings.js';
