import ioredis from 'ioredis';
import { setTimeout as pause } from 'node:timers/promises';
import { MODULE_ID } from '../local/apps.js';
import { openConnections } from './stored.js';
import { KEY_PREFIX, type ChaosFleet } from './fleet.js';

const ROOT = `${KEY_PREFIX}:{${MODULE_ID}}:`;

/** Connections an idle fleet may hold: those of its pools, and those its queues listen on. */
const MOST_DATABASE_CONNECTIONS = 30;
const MOST_REDIS_CLIENTS = 60;

const SETTLED_WITHIN_MS = 15_000;
const LOOK_EVERY_MS = 200;

/** Waits until the counts of every ended execution are settled. @returns how many are not, in the end */
export async function unsettledIn(fleet: ChaosFleet): Promise<number> {
  const redis = new ioredis.Redis(fleet.settings.redisUrl);
  try {
    const left = await lasting(() => redis.zrange(`${ROOT}unsettled`, '0', '-1'));
    return left.length;
  } finally {
    redis.disconnect();
  }
}

/** Leaks that persist: servers take a moment to notice that a connection is closed. */
async function lasting(look: () => Promise<string[]>): Promise<string[]> {
  for (const deadline = Date.now() + SETTLED_WITHIN_MS; ; await pause(LOOK_EVERY_MS)) {
    const found = await look();
    if (found.length === 0 || Date.now() > deadline) return found;
  }
}

/** What an idle fleet has left behind; empty if nothing. */
export async function leaksOf(fleet: ChaosFleet): Promise<string[]> {
  const redis = new ioredis.Redis(fleet.settings.redisUrl);
  try {
    return await lasting(() => leaksNow(fleet, redis));
  } finally {
    redis.disconnect();
  }
}

async function leaksNow(fleet: ChaosFleet, redis: ioredis.Redis): Promise<string[]> {
  const connections = await openConnections(fleet.settings.databaseUrl);
  const busy = connections.filter(({ state }) => state !== 'idle');
  const clients = await clientsOf(redis);
  return [
    ...(await strayKeys(redis)),
    ...busy.map(({ name, state }) => `database connection "${name}" is ${state}`),
    ...connections
      .filter(({ name }) => name !== 'longshore')
      .map(({ name }) => `database connection "${name}" still has its attempt's name`),
    ...(connections.length > MOST_DATABASE_CONNECTIONS ? [`${connections.length} database connections are open`] : []),
    ...(clients > MOST_REDIS_CLIENTS ? [`${clients} Redis connections are open`] : []),
  ];
}

/** Connections that are open after gateway and workers have exited. */
export async function connectionsLeft(fleet: ChaosFleet): Promise<string[]> {
  const redis = new ioredis.Redis(fleet.settings.redisUrl);
  try {
    return await lasting(async () => {
      const connections = await openConnections(fleet.settings.databaseUrl);
      const clients = (await clientsOf(redis)) - 1;
      return [
        ...connections.map(({ name }) => `database connection "${name}" was left open`),
        ...(clients > 0 ? [`${clients} Redis connections were left open`] : []),
      ];
    });
  } finally {
    redis.disconnect();
  }
}

const clientsOf = async (redis: ioredis.Redis): Promise<number> =>
  String(await redis.client('LIST'))
    .trim()
    .split('\n').length;

/** Keys that belong to no execution, and jobs in queues although every execution has ended. */
async function strayKeys(redis: ioredis.Redis): Promise<string[]> {
  const executions = new Set(await redis.hvals(`${ROOT}uuids`));
  const strays: string[] = [];
  for await (const keys of redis.scanStream({ match: `${KEY_PREFIX}:*`, count: 1_000 }) as AsyncIterable<string[]>) {
    for (const key of keys) {
      const name = key.slice(ROOT.length);
      const id = /^execution:(\d+)/.exec(name)?.[1];
      if (id !== undefined && !executions.has(id)) strays.push(`key ${name} belongs to no execution`);
      if (/^execution:\d+:(lease|nudge|in-flight:.+)$/.test(name)) strays.push(`key ${name} outlives its execution`);
      if (/^queue:[^:]+:(active|wait|delayed|prioritized|paused|stalled)$/.test(name)) {
        strays.push(`key ${name} holds work although everything has ended`);
      }
    }
  }
  const running = await redis.zcard(`${ROOT}running`);
  return running > 0 ? [...strays, `${running} executions are listed as running`] : strays;
}
