import ioredis from 'ioredis';
import { setTimeout as pause } from 'node:timers/promises';
import { Client } from 'pg';
import { queuePrefix } from '#queues';
import { MODULE_ID } from '../local/apps.js';
import { disturb, undisturb } from './disturbance.js';
import { CLOCK_SHIFTS, type FaultName } from './fault-kinds.js';
import { KEY_PREFIX, type ChaosFleet } from './fleet.js';
import type { Journal } from './journal.js';
import type { PlannedFault } from './plan.js';

/** Called when Redis has died: it may have lost what it had not synced. */
export type OnLoss = (diedAt: number) => void;

interface Scene extends PlannedFault {
  fleet: ChaosFleet;
  journal: Journal;
  onLoss: OnLoss;
}

/** How each fault is injected and ended: when it resolves, everything is running again. */
const INJECT: Record<FaultName, (scene: Scene) => Promise<void>> = {
  'SIGKILL worker': (scene) => endAndRevive(scene, 'SIGKILL'),
  'SIGKILL gateway': (scene) => endAndRevive(scene, 'SIGKILL'),
  'SIGSTOP worker': freeze,
  'SIGSTOP gateway': freeze,
  'SIGTERM worker': (scene) => endAndRevive(scene, 'SIGTERM'),
  'SIGTERM gateway': (scene) => endAndRevive(scene, 'SIGTERM'),
  async 'kill Redis'(scene) {
    scene.onLoss(await scene.fleet.end('redis', 'SIGKILL'));
    await pause(scene.forMs);
    await scene.fleet.revive('redis');
  },
  async 'power loss of Redis'({ fleet, journal, onLoss, forMs }) {
    const diedAt = await fleet.end('redis', 'SIGKILL');
    const bytes = fleet.powerLoss.truncate(diedAt);
    onLoss(diedAt);
    journal.note(`Redis has lost ${bytes} bytes`);
    await pause(forMs);
    await fleet.revive('redis');
  },
  'cut Redis connections': ({ fleet }) =>
    withRedis(fleet, async (redis) => {
      for (const type of ['normal', 'pubsub']) await redis.call('CLIENT', 'KILL', 'TYPE', type, 'SKIPME', 'yes');
    }),
  'SCRIPT FLUSH': ({ fleet }) =>
    withRedis(fleet, async (redis) => {
      await redis.script('FLUSH');
    }),
  // BullMQ's keys are only a transport: what is missing is queued again from the state.
  'lose queues': ({ fleet }) =>
    withRedis(fleet, async (redis) => {
      const keys = await redis.keys(`${queuePrefix(KEY_PREFIX, MODULE_ID)}:*`);
      if (keys.length > 0) await redis.unlink(...keys);
    }),
  'clock an hour ahead': shiftClock,
  'clock an hour behind': shiftClock,
  'clock 91 days ahead': shiftClock,
  // What hangs comes back when the time is over; whether its worker has given it up meanwhile is the product's affair.
  async 'hung reads'({ fleet, target, forMs }) {
    const file = fleet.disturbanceFile(target);
    disturb(file, { hangsReads: true });
    await pause(forMs);
    undisturb(file);
  },
  'PostgreSQL unavailable for minutes': (scene) => endAndRevive(scene, 'SIGQUIT'),
  'PostgreSQL unavailable': (scene) => endAndRevive(scene, 'SIGQUIT'),
  // SIGQUIT is PostgreSQL's immediate shutdown: it recovers from its log, as after a crash.
  'kill PostgreSQL': (scene) => endAndRevive(scene, 'SIGQUIT'),
  'cut PostgreSQL connections': async ({ fleet }) => {
    const client = new Client({ connectionString: fleet.settings.databaseUrl });
    await client.connect();
    try {
      await client.query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'longshore%' AND pid <> pg_backend_pid()",
      );
    } finally {
      await client.end();
    }
  },
  'cut network': (scene) => disturbNetwork(scene, 'refuse'),
  'half-open network': (scene) => disturbNetwork(scene, 'freeze'),
};

/** Injects one fault and ends it. A fault whose target is not running at that time is skipped. */
export async function inject(fleet: ChaosFleet, journal: Journal, fault: PlannedFault, onLoss: OnLoss): Promise<void> {
  const { kind, target, forMs } = fault;
  await fleet.inTurn(target, async () => {
    journal.note(`fault: ${kind}, ${target}, ${forMs} ms`);
    try {
      await INJECT[kind]({ ...fault, fleet, journal, onLoss });
      journal.count(`fault: ${kind}`);
      journal.note(`over: ${kind}, ${target}`);
    } catch (error) {
      journal.note(`not injected: ${kind}, ${target}: ${(error as Error).message}`);
    }
  });
}

async function endAndRevive({ fleet, target, forMs }: Scene, signal: NodeJS.Signals): Promise<void> {
  await fleet.end(target, signal);
  await pause(forMs);
  await fleet.revive(target);
}

/** The clock of a running worker jumps; the worker is started again with the wrong clock; and then with the right one. */
async function shiftClock({ fleet, kind, target, forMs }: Scene): Promise<void> {
  const file = fleet.disturbanceFile(target);
  disturb(file, { clockMs: CLOCK_SHIFTS[kind as keyof typeof CLOCK_SHIFTS] });
  try {
    await pause(forMs / 2);
    await fleet.end(target, 'SIGTERM');
    await fleet.revive(target);
    await pause(forMs / 2);
    await fleet.end(target, 'SIGTERM');
  } finally {
    undisturb(file);
  }
  await fleet.revive(target);
}

async function freeze({ fleet, target, forMs }: Scene): Promise<void> {
  fleet.signal(target, 'SIGSTOP');
  await pause(forMs);
  fleet.signal(target, 'SIGCONT');
}

async function disturbNetwork({ fleet, forMs }: Scene, how: 'refuse' | 'freeze'): Promise<void> {
  for (const proxy of fleet.network) proxy[how]();
  await pause(forMs);
  for (const proxy of fleet.network) proxy.restore();
}

async function withRedis(fleet: ChaosFleet, work: (redis: ioredis.Redis) => Promise<void>): Promise<void> {
  const redis = new ioredis.Redis(fleet.settings.redisUrl, { maxRetriesPerRequest: 0, lazyConnect: true });
  redis.on('error', () => undefined);
  try {
    await redis.connect();
    await work(redis);
  } finally {
    redis.disconnect();
  }
}
