import type { AuditEntry, AuditLog, RecordedEntry } from '#engine';
import type { RedisClient } from '#platform';
import { key, keyRoot } from './keys.js';

/** About how many entries are kept; Redis trims in whole nodes, so a few more stay. */
const MOST_ENTRIES = 100_000;

/** No entry stands before this id; Redis takes such a range for a mistake. */
const BEFORE_ALL = /^0+-0+$/;

/** The audit as a Redis stream: nobody can change an entry, and the oldest go by themselves. */
export class RedisAuditLog implements AuditLog {
  readonly #key: string;

  constructor(
    private readonly redis: RedisClient,
    prefix: string,
    moduleId: string,
    private readonly mostEntries = MOST_ENTRIES,
  ) {
    this.#key = key(keyRoot(prefix, moduleId), 'audit');
  }

  async append(entry: AuditEntry): Promise<void> {
    await this.redis.xadd(this.#key, 'MAXLEN', '~', this.mostEntries, '*', 'entry', JSON.stringify(entry));
  }

  async read(before: string | undefined, count: number): Promise<RecordedEntry[]> {
    if (before !== undefined && BEFORE_ALL.test(before)) return [];
    const found = await this.redis.xrevrange(this.#key, before === undefined ? '+' : `(${before}`, '-', 'COUNT', count);
    return found.map(([id, fields]) => ({ ...(JSON.parse(fields[1] ?? '{}') as AuditEntry), id }));
  }
}
