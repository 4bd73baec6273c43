import { COUNT_NAMES, executionId, executionUuid } from '#domain';
import type {
  Change,
  DatabaseStore,
  ExecutionRef,
  Forgotten,
  MaintenanceStore,
  RecoveryStore,
  RetentionStore,
  SettlementStore,
  SilentExecution,
  VerifyStore,
} from '#engine';
import type { DatabaseMark } from '#job-kit';
import type { Access } from './access.js';
import { countsOf, countValues, refOf } from './codec.js';
import { list, strings, type Reply } from './script-runner.js';

/** Deletes what is too old, or too much. */
export function retentionStore({ redis, run, key }: Access): RetentionStore {
  return {
    async expired(status, ageMs, keep, limit) {
      const expired = await run('expired', { status, ageMs: finite(ageMs), keep: finite(keep), most: limit });
      return strings(expired).map((id) => executionId(Number(id)));
    },

    async forget(id, most, evenUnsettled = false) {
      return (await run('forget', { id, most, evenUnsettled: evenUnsettled ? '1' : '' })) as Forgotten;
    },

    async forgottenFor(ms, limit) {
      return strings(await run('forgotten', { ms, most: limit })).map((member) => {
        const [uuid = '', instanceUuid = '', instanceGone] = member.split(',');
        return {
          uuid: executionUuid(uuid),
          instanceUuid: executionUuid(instanceUuid),
          instanceGone: instanceGone === '1',
        };
      });
    },

    async purged({ uuid, instanceUuid, instanceGone }) {
      await redis.zrem(key('forgotten'), [uuid, instanceUuid, instanceGone ? 1 : 0].join(','));
    },
  };
}

const finite = (limit: number): number | undefined => (Number.isFinite(limit) ? limit : undefined);

/** Earlier executions of an instance that are asked for in one call. */
const EARLIER_A_CALL = 1_000;

/** Brings the counts of ended executions to what their databases hold. */
export function settlementStore({ redis, run, key }: Access): Omit<SettlementStore, 'load'> {
  const refsOf = async (ids: readonly string[]): Promise<ExecutionRef[]> => {
    const uuids = await Promise.all(ids.map((id) => redis.hget(key('execution', id), 'uuid')));
    return ids.flatMap((id, i) => (uuids[i] ? [refOf(id, uuids[i])] : []));
  };

  return {
    async unsettledFor(ms, limit) {
      const found = strings(await run('unsettled', { ms, most: limit }));
      return found.flatMap((id, i) => (i % 2 === 0 ? [refOf(id, found[i + 1]!)] : []));
    },

    async settleLater({ id, uuid }) {
      await run('settleLater', { id, uuid });
    },

    async unsettledBefore(instance, id) {
      const unsettled: string[] = [];
      for (let after = '-inf'; ;) {
        const range = [after, `(${id}`, 'LIMIT', 0, EARLIER_A_CALL] as const;
        const earlier = await redis.zrangebyscore(key('executions', instance), ...range);
        if (earlier.length === 0) return refsOf(unsettled);
        const since = await redis.zmscore(key('unsettled'), ...earlier);
        unsettled.push(...earlier.filter((_, i) => since[i] !== null));
        after = `(${earlier.at(-1)}`;
      }
    },

    async stepCounts({ id, step }) {
      return countsOf(await redis.hmget(key('stepExecution', id, step), ...COUNT_NAMES));
    },

    async settle({ id, uuid, step, partition }, counts) {
      await run('settle', { id, uuid, step, partition, counts: countValues(counts) });
    },

    async settled({ id, uuid }, steps) {
      await run('settled', { id, uuid, steps: steps.flatMap(({ step, counts }) => [step, ...countValues(counts)]) });
    },
  };
}

/** Finds, and ends, what goes on no more. */
export function recoveryStore({ run }: Access): RecoveryStore {
  return {
    async silentFor(ms, limit) {
      return list(await run('silent', { ms, most: limit })).map(silentOf);
    },

    async fail({ id, uuid }, { stepName, message }) {
      return (await run('fail', { id, uuid, failedStep: stepName, message })) as Change;
    },
  };
}

function silentOf(reply: Reply): SilentExecution {
  const [id = '', uuid = '', silentMs, handedBackMs, reason = ''] = strings(reply);
  const handedBack = handedBackMs === '' ? undefined : { forMs: Number(handedBackMs), reason };
  return { ...refOf(id, uuid), silentMs: Number(silentMs), handedBack };
}

/** Sealed executions that one script looks at, and that are marked in one call. */
const SEALED_A_CALL = 1_000;

/** Where each database was last seen to stand. */
export function databaseStore({ redis, run, key }: Access): DatabaseStore {
  return {
    async knownMark(ledger) {
      const known = await redis.hget(key('databases'), ledger);
      return known === null ? undefined : markOf(known);
    },

    /** Goes on while those looked at are left as they are, so that "none marked" means that there are none. */
    async databaseWentBack(ledger, { database, mark }) {
      for (let skip = 0; ;) {
        const reply = await run('databaseWentBack', { ledger, database, mark, skip, most: SEALED_A_CALL });
        const [marked, left, isMore] = list(reply).map(Number);
        if (marked! > 0 || isMore === 0) return marked!;
        skip += left!;
      }
    },
  };
}

function markOf(known: string): DatabaseMark {
  const comma = known.lastIndexOf(',');
  return { database: known.slice(0, comma), mark: Number(known.slice(comma + 1)) };
}

/** Turns at maintenance: a key a task, which lives for one interval, and a hash of when the last ones were taken. */
export function maintenanceStore({ run }: Access): MaintenanceStore {
  return {
    async takeTurn(task, everyMs) {
      return (await run('takeTurn', { task, everyMs })) === 1;
    },

    async lastTurn(task) {
      const ageMs = await run('lastTurn', { task });
      return ageMs === '' ? undefined : Number(ageMs);
    },
  };
}

/** What a verification asks of a step's plan. */
export function verifyStore({ redis, key }: Access): Pick<VerifyStore, 'planProgress'> {
  return {
    async planProgress(instance, step) {
      const [planned, total] = await redis.hmget(key('instance', instance), `planned:${step}`, `total:${step}`);
      const completed = await redis.bitcount(key('completed', instance, step));
      return { planned: planned !== null, partitions: Number(total ?? 0), completed };
    },
  };
}
