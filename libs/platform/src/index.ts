export * from './logger.js';
export * from './nest-logger.js';
export * from './redis-boot.js';
export { connectRedis, duplicateOf, nodesOf, onRedisReady, type RedisClient, type RedisProfile } from './redis.js';
export * from './settings.js';
export * from './clock.js';
export * from './metrics.js';
export * from './version.js';
