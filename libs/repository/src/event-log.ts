import { COUNT_NAMES, executionId, executionUuid, type BatchStatus } from '#domain';
import type { EventLog, TransitionEnd, TransitionEvent } from '#engine';
import type { RedisClient } from '#platform';
import { countsOf, hashOf } from './codec.js';
import { key, keyRoot } from './keys.js';

/** The transitions of a module, from the stream that the scripts append to. */
export class RedisEventLog implements EventLog {
  readonly #key: string;

  constructor(
    private readonly redis: RedisClient,
    prefix: string,
    moduleId: string,
  ) {
    this.#key = key(keyRoot(prefix, moduleId), 'events');
  }

  async read(after: string | undefined, count: number): Promise<TransitionEvent[]> {
    const found = await this.redis.xrange(this.#key, after === undefined ? '-' : `(${after}`, '+', 'COUNT', count);
    return found.map(([id, fields]) => eventOf(id, hashOf(fields)));
  }
}

/** @param fields of an entry of the stream */
export function eventOf(id: string, fields: ReadonlyMap<string, string>): TransitionEvent {
  return {
    id,
    type: fields.get('type') as TransitionEvent['type'],
    executionId: executionId(Number(fields.get('executionId'))),
    uuid: executionUuid(fields.get('uuid') ?? ''),
    job: fields.get('job') ?? '',
    jobVersion: fields.get('jobVersion') ?? '',
    step: fields.get('step') || undefined,
    from: (fields.get('from') || undefined) as BatchStatus | undefined,
    to: fields.get('to') as BatchStatus,
    at: Number(fields.get('at')),
    requestId: fields.get('requestId'),
    end: endOf(fields),
  };
}

function endOf(fields: ReadonlyMap<string, string>): TransitionEnd | undefined {
  const exitCode = fields.get('exitCode');
  if (exitCode === undefined) return undefined;
  const startTime = fields.get('startTime');
  return {
    exitCode,
    durationMs: startTime === undefined ? undefined : Number(fields.get('at')) - Number(startTime),
    failure: fields.get('failure'),
    counts: countsOf(COUNT_NAMES.map((name) => fields.get(name) ?? null)),
  };
}
