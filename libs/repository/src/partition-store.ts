import type { Json } from '#domain';
import type { Announcement, Claim, HandBackStore, PartitionRef, PartitionStore } from '#engine';
import type { Access } from './access.js';
import { countsOf, countValues, decodePartition } from './codec.js';
import { forceStopIn } from './operation-store.js';
import { list, type Reply } from './script-runner.js';

/** What the runner of a partition does. */
export function partitionStore(at: Access): Omit<PartitionStore, 'load'> & HandBackStore {
  const { run } = at;

  return {
    stopIfRunning: (execution, by) => forceStopIn(at, execution, by, { onlyRunning: true }),

    async claim(ref, fence) {
      return claimOf(list(await run('claim', { ...attempt(ref), fence })));
    },

    async isAwaited(ref) {
      return (await run('awaited', attempt(ref))) === 1;
    },

    async holds(ref, fence) {
      return (await run('holds', { ...attempt(ref), fence })) === 1;
    },

    async progress(ref, fence, counts, checkpoint) {
      const answer = await run('progress', {
        ...attempt(ref),
        fence,
        position: checkpoint && JSON.stringify(checkpoint.position),
        skipLimit: checkpoint?.skipLimit,
        counts: countValues(counts),
      });
      return answer as 'go-on' | 'stop' | 'superseded' | 'skip-limit';
    },

    async finish(ref, fence, { status, failure, counts }) {
      const answer = list(
        await run('finish', { ...attempt(ref), fence, status, failure, counts: countValues(counts) }),
      );
      return answer.length === 0 ? undefined : announcementOf(answer);
    },

    async needsJob({ id, uuid }) {
      return (await run('needsJob', { id, uuid })) === 1;
    },

    async noteHandedBack({ id, uuid }, reason) {
      await run('noteHandedBack', { id, uuid, reason });
    },
  };
}

const attempt = ({ id, uuid, step, partition }: PartitionRef) => ({ id, uuid, step, partition });

function claimOf([kind, ...rest]: Reply[]): Claim {
  switch (kind) {
    case 'run':
      return {
        kind,
        fence: Number(rest[0]),
        attempts: Number(rest[1]),
        partition: decodePartition(String(rest[2])),
        position: rest[3] === '' ? undefined : (JSON.parse(String(rest[3])) as Json),
        counts: countsOf(rest.slice(4)),
      };
    case 'stopping':
      return { kind, fence: Number(rest[0]), counts: countsOf(rest.slice(1)) };
    case 'finished':
      return { kind, announcement: announcementOf(rest) };
    default:
      return { kind: kind === 'superseded' ? 'superseded' : 'gone' };
  }
}

const announcementOf = ([successor, stepDone]: readonly unknown[]): Announcement => ({
  successor: successor === '' ? undefined : Number(successor),
  stepDone: stepDone === 1,
});
