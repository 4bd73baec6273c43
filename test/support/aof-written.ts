import type { RedisClient } from '#platform';
import { until } from './until.js';

/** Resolves when everything that Redis has acknowledged is in its AOF: it delays writes while a slow disk is busy. */
export const aofWritten = (redis: RedisClient): Promise<string> =>
  until(
    'the AOF to be written',
    () => redis.info('persistence'),
    (info) => info.includes('aof_buffer_length:0\r'),
  );
