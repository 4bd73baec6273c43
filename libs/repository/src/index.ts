export { RedisAuditLog } from './audit-log.js';
export { barrierKey, NotOnDiskError, RedisDurability } from './durability.js';
export { RedisEventLog } from './event-log.js';
export { RedisFleetPresence, RedisFleetReader } from './fleet-reader.js';
export { key, KEYS, keyRoot, type KeyName } from './keys.js';
export { RedisExecutionReader } from './reader.js';
export { redisExecutionStore, type RedisExecutionStore } from './store.js';
