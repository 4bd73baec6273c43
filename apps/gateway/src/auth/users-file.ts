import { readFileSync, unwatchFile, watchFile } from 'node:fs';
import { z } from 'zod';
import type { Logger } from '#platform';
import { PERMISSIONS, type User } from './permissions.js';

/** A user as the file has them. */
export interface UserEntry extends User {
  /** Encoded argon2id hash, `$argon2id$…`. */
  passwordHash: string;
}

/** A name HTTP Basic can carry: it ends at the first colon. */
export const username = z.string().regex(/^[^:\p{C}]{1,64}$/u, 'must be 1 to 64 characters, without a colon');

/** The one module that a permission is for. */
export const grantedModule = z.string().min(1).max(64);

const file = z
  .array(
    z.strictObject({
      username,
      passwordHash: z.string().startsWith('$argon2id$', 'must be an argon2id hash'),
      permissions: z.array(z.strictObject({ permission: z.enum(PERMISSIONS), argument: grantedModule.optional() })),
    }),
  )
  .refine((users) => new Set(users.map((user) => user.username)).size === users.length, 'two users have the same name');

/**
 * Reads a users file.
 *
 * @throws Error naming the file and what is wrong with it
 */
export function readUsers(path: string): UserEntry[] {
  const result = file.safeParse(parseJson(path, readFileSync(path, 'utf8')));
  if (result.success) return result.data;
  const faults = result.error.issues.map((issue) => `${issue.path.join('.')} ${issue.message}`);
  throw new Error(`Users file ${path} refused: ${faults.join('; ')}.`);
}

/** The parser's own message is not passed on: it would quote the file, hashes and all. */
function parseJson(path: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error(`Users file ${path} refused: it is not JSON.`);
  }
}

/** How often the file is looked at, in ms. */
const WATCH_INTERVAL = 500;

/** The users, by name, as the file has them now. */
export class Users {
  private byName: ReadonlyMap<string, UserEntry>;
  private readonly onChange = new Set<() => void>();

  /** @throws Error as {@link readUsers} */
  constructor(
    private readonly path: string,
    private readonly log: Logger,
  ) {
    this.byName = indexed(readUsers(path));
  }

  find(name: string): UserEntry | undefined {
    return this.byName.get(name);
  }

  /** Follows changes of the file, and calls back after each one that was taken over. */
  watch(changed: () => void): void {
    this.onChange.add(changed);
    watchFile(this.path, { interval: WATCH_INTERVAL, persistent: false }, () => this.reload());
  }

  close(): void {
    unwatchFile(this.path);
  }

  /**
   * A file that is not valid leaves the users as they were: a half-written one must lock nobody out. One that is gone or
   * cannot be read revokes all of them.
   */
  private reload(): void {
    const { users, error, gone } = this.read();
    if (!users) {
      this.log.error('Users file not taken over; the users stay as they were', { reason: String(error) });
      return;
    }
    this.byName = indexed(users);
    this.onChange.forEach((changed) => changed());
    if (gone)
      this.log.error('Users file cannot be read: nobody can log in until it is back', { reason: String(error) });
    else this.log.info('Users file taken over', { users: this.byName.size });
  }

  private read(): { users?: readonly UserEntry[]; error?: unknown; gone?: boolean } {
    try {
      return { users: readUsers(this.path) };
    } catch (error) {
      // Errors of the file system have a code.
      return error instanceof Error && 'code' in error ? { users: [], error, gone: true } : { error };
    }
  }
}

const indexed = (users: readonly UserEntry[]): ReadonlyMap<string, UserEntry> =>
  new Map(users.map((user) => [user.username, user]));
