export { RedisAuditLog } from './audit-log.js';
export { NotOnDiskError, RedisDurability } from './durability.js';
export { key, KEYS, keyRoot, stepKey, type KeyName } from './keys.js';
export { RedisExecutionReader } from './reader.js';
export { RedisExecutionStore } from './store.js';
