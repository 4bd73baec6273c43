import ioredis from 'ioredis';
import { setTimeout as pause } from 'node:timers/promises';
import { Client } from 'pg';
import type { FaultName } from './fault-kinds.js';
import type { ChaosFleet } from './fleet.js';
import type { Journal } from './journal.js';
import type { PlannedFault } from './plan.js';

/** Told when Redis died: it may have forgotten what it had not synced. */
export type OnLoss = (diedAt: number) => void;

interface Scene extends PlannedFault {
  fleet: ChaosFleet;
  journal: Journal;
  onLoss: OnLoss;
}

/** How each fault is done, and made good: when it resolves, everything is there again. */
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
    const bytes = fleet.powerLoss.strike(diedAt);
    onLoss(diedAt);
    journal.note(`Redis has lost ${bytes} bytes`);
    await pause(forMs);
    await fleet.revive('redis');
  },
  'cut Redis connections': ({ fleet }) =>
    askRedis(fleet, async (redis) => {
      for (const type of ['normal', 'pubsub']) await redis.call('CLIENT', 'KILL', 'TYPE', type, 'SKIPME', 'yes');
    }),
  'SCRIPT FLUSH': ({ fleet }) =>
    askRedis(fleet, async (redis) => {
      await redis.script('FLUSH');
    }),
  // SIGQUIT is PostgreSQL's immediate shutdown: it recovers from its log, as after a crash.
  'kill PostgreSQL': (scene) => endAndRevive(scene, 'SIGQUIT'),
  'cut PostgreSQL connections': async ({ fleet }) => {
    const client = new Client({ connectionString: fleet.databaseUrl });
    await client.connect();
    try {
      await client.query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'longshore%' AND pid <> pg_backend_pid()",
      );
    } finally {
      await client.end();
    }
  },
  'cut network': (scene) => disturbNetwork(scene, 'cut'),
  'half-open network': (scene) => disturbNetwork(scene, 'stick'),
};

/** Injects one fault and makes it good. A fault that finds its target away leaves it at that. */
export async function inject(fleet: ChaosFleet, journal: Journal, fault: PlannedFault, onLoss: OnLoss): Promise<void> {
  const { kind, target, forMs } = fault;
  await fleet.inTurn(target, async () => {
    journal.note(`fault: ${kind}, ${target}, ${forMs} ms`);
    try {
      await INJECT[kind]({ ...fault, fleet, journal, onLoss });
      journal.count(`fault: ${kind}`);
      journal.note(`made good: ${kind}, ${target}`);
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

async function freeze({ fleet, target, forMs }: Scene): Promise<void> {
  fleet.signal(target, 'SIGSTOP');
  await pause(forMs);
  fleet.signal(target, 'SIGCONT');
}

async function disturbNetwork({ fleet, forMs }: Scene, how: 'cut' | 'stick'): Promise<void> {
  for (const proxy of fleet.network) proxy[how]();
  await pause(forMs);
  for (const proxy of fleet.network) proxy.heal();
}

async function askRedis(fleet: ChaosFleet, ask: (redis: ioredis.Redis) => Promise<void>): Promise<void> {
  const redis = new ioredis.Redis(fleet.redisUrl, { maxRetriesPerRequest: 0, lazyConnect: true });
  redis.on('error', () => undefined);
  try {
    await redis.connect();
    await ask(redis);
  } finally {
    redis.disconnect();
  }
}
