export * from './logger.js';
export * from './nest-logger.js';
export {
  connectRedis,
  duplicateOf,
  mastersOf,
  onRedisReady,
  openRedis,
  type RedisClient,
  type RedisProfile,
} from './redis.js';
export * from './settings.js';
