import { mkdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { RedisClient } from '#platform';

/** File that a living worker touches, for `health.js` in the same container. */
export const HEARTBEAT_FILE = process.env['HEARTBEAT_FILE'] ?? join(tmpdir(), `longshore-worker.alive`);

/** How often it is touched, in ms; a file three times as old means that the worker is not well. */
export const HEARTBEAT_MS = 5_000;

/** Touches a file as long as the event loop turns and Redis answers. */
export class Heartbeat {
  #timer: NodeJS.Timeout | undefined;

  constructor(private readonly redis: RedisClient) {}

  start(): void {
    mkdirSync(dirname(HEARTBEAT_FILE), { recursive: true });
    writeFileSync(HEARTBEAT_FILE, `${process.pid}\n`);
    this.#timer = setInterval(() => void this.#beat().catch(() => undefined), HEARTBEAT_MS);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    rmSync(HEARTBEAT_FILE, { force: true });
  }

  async #beat(): Promise<void> {
    await this.redis.ping();
    const now = new Date();
    utimesSync(HEARTBEAT_FILE, now, now);
  }
}
