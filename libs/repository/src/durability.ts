import { once } from 'node:events';
import type { ExecutionId } from '#domain';
import type { Log } from '#job-kit';
import type { RedisClient } from '#platform';
import { key, keyRoot } from './keys.js';

/** How long Redis has to say that a command is on disk, in ms. With `everysec` it takes a second or two. */
const PATIENCE_MS = 3_000;

/** Nobody reads this key: writing it shows that the module's Redis takes writes, and where its append-only file has got to. */
export const barrierKey = (prefix: string, moduleId: string): string => key(keyRoot(prefix, moduleId), 'barrier');

/** A command was carried out, and a crash of Redis' machine might still undo it. */
export class NotOnDiskError extends Error {
  override readonly name = 'NotOnDiskError';

  constructor(
    cause: unknown,
    /** The execution that the command began, if it began one. */
    readonly begun?: ExecutionId,
  ) {
    super('The command was carried out, but Redis has not said that it is on disk.', { cause });
  }
}

/** Redis is older, has no AOF, or does not let us wait. */
const CANNOT_WAIT = /unknown command|appendonly is disabled|^NOPERM/i;

const isReady = ({ status }: RedisClient): boolean => status === 'ready';

/**
 * Holds the answer to a command of a module back until Redis has what it wrote on disk, where Redis tells (WAITAOF: 7.2
 * and later, with AOF).
 *
 * WAITAOF waits for what its own connection wrote. So a barrier is written behind the command, here, and waited for: the
 * append-only file has one order, and what stands before the barrier is on disk when the barrier is. A barrier that
 * begins after several commands serves them all.
 *
 * A Redis that died after the command may have lost it, and would still write a barrier when it is back. So a barrier
 * counts only on the connection that was there before the command.
 */
export class RedisDurability {
  readonly #barrier: string;
  /** Whether the server tells what is on disk: asked at every connection. */
  #tells = false;
  #connectionsLost = 0;
  #underWay: Promise<void> = Promise.resolve();
  #next: Promise<void> | undefined;

  private constructor(
    private readonly redis: RedisClient,
    private readonly shared: RedisClient,
    prefix: string,
    moduleId: string,
    private readonly log: Log,
    private readonly patienceMs: number,
  ) {
    this.#barrier = barrierKey(prefix, moduleId);
    for (const event of ['close', '-node']) redis.on(event, () => (this.#connectionsLost += 1));
  }

  /**
   * @param redis a connection for this alone, which it closes: it stands still while it waits. It must not send commands
   *   again by itself, and give an answer more time than the patience
   * @param shared the connection that commands go by: it tells soon whether Redis is there
   * @throws Error if Redis is not there
   */
  static async open(
    redis: RedisClient,
    shared: RedisClient,
    prefix: string,
    moduleId: string,
    log: Log,
    patienceMs = PATIENCE_MS,
  ): Promise<RedisDurability> {
    const durability = new RedisDurability(redis, shared, prefix, moduleId, log, patienceMs);
    if (!isReady(redis)) await once(redis, 'ready');
    await durability.#ask();
    redis.on('ready', () => {
      durability.#ask().catch((error: unknown) => log.warn('Redis went away again', { reason: String(error) }));
    });
    return durability;
  }

  /**
   * Carries a command out; resolves once what it wrote is on disk, at once where Redis does not tell.
   *
   * @param begunBy the execution that a command began, from what it returned
   * @throws NotOnDiskError if the command was carried out and that is all that is known; what the command throws
   */
  async acknowledge<T>(command: () => Promise<T>, begunBy?: (done: T) => ExecutionId): Promise<T> {
    if (!this.#tells) return command();
    await this.#connected();
    const lostBefore = this.#connectionsLost;
    const done = await command();
    try {
      await this.#onDisk();
      if (this.#connectionsLost > lostBefore) throw new Error('Connection is closed.');
    } catch (error) {
      throw new NotOnDiskError(error, begunBy?.(done));
    }
    return done;
  }

  close(): void {
    this.redis.disconnect();
  }

  /** Nothing is carried out without a connection to wait on: where Redis is there, it soon is too. */
  async #connected(): Promise<void> {
    if (isReady(this.redis)) return;
    await this.shared.exists(this.#barrier);
    if (isReady(this.redis)) return;
    await once(this.redis, 'ready', { signal: AbortSignal.timeout(this.patienceMs) }).catch((error: unknown) => {
      throw new Error('Connection is closed.', { cause: error });
    });
  }

  /** Resolves when everything that was written before this call is on disk. */
  #onDisk(): Promise<void> {
    this.#next ??= this.#underWay
      .catch(() => undefined)
      .then(() => {
        this.#next = undefined;
        this.#underWay = this.#pass();
        return this.#underWay;
      });
    return this.#next;
  }

  /** Writes a barrier and waits for it. Both in one pipeline: on one connection, in a cluster to the module's node. */
  async #pass(): Promise<void> {
    const replies = await this.redis.pipeline().set(this.#barrier, '').call('WAITAOF', 1, 0, this.patienceMs).exec();
    const [notSet, notWaited] = (replies ?? []).map(([error]) => error);
    if (notSet) {
      // A pipeline does not follow a module that has moved to another node; a command alone does, and leads the next one
      // there. This one is not sent again: a replica that took over may never have got what the barrier stands for.
      await this.redis.exists(this.#barrier).catch(() => undefined);
      throw notSet;
    }
    if (notWaited) throw notWaited;
    const [files] = (replies?.[1]?.[1] ?? []) as number[];
    if (files !== 1) throw new Error(`Not on disk in ${this.patienceMs} ms.`);
  }

  /** A server that cannot wait says so at once. One that is a replica, still, may be the master on this very connection. */
  async #ask(): Promise<void> {
    const replies = await this.redis.pipeline().exists(this.#barrier).call('WAITAOF', 1, 0, 1).exec();
    const error = replies?.[1]?.[0];
    if (error && error.name !== 'ReplyError') throw error;
    const refusal = error && CANNOT_WAIT.test(error.message) ? error.message : undefined;
    this.#tells = refusal === undefined;
    if (refusal) this.log.info('Commands are acknowledged from memory', { reason: refusal });
    else this.log.info('Commands are acknowledged once they are on disk');
  }
}
