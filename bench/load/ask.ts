import { inChild } from '../child.js';
import type { BenchFleet } from '../fleet.js';
import type { Load } from './load.js';

/** As many as a busy dashboard opens. */
const CONNECTIONS = 50;

/** Requests/s of a server on this machine. */
export const requestRate = (
  port: number,
  path: string,
  ms: number,
  headers: Record<string, string> = {},
): Promise<number> =>
  inChild<number>('load/load', { port, path, headers, connections: CONNECTIONS, ms } satisfies Load);

/** Requests/s of the gateway, as an operator. */
export const gatewayRate = (fleet: BenchFleet, path: string, ms: number): Promise<number> =>
  requestRate(Number(new URL(fleet.url).port), path, ms, { authorization: fleet.authorization });
