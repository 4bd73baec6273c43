import { hash } from '@node-rs/argon2';
import { join } from 'node:path';
import type { Credentials } from '#client';
import { newPassword } from '../services/secret.js';
import { readIfThere, writePrivately } from './files.js';

export type { Credentials };

/** A user as the gateway reads it from `USERS_FILE`. */
interface User {
  username: string;
  /** argon2id, in PHC format. */
  passwordHash: string;
  permissions: readonly { permission: string; argument?: string }[];
}

/** A user before its password is hashed. */
export type NewUser = Credentials & Pick<User, 'permissions'>;

export const OPERATOR_PERMISSIONS = [{ permission: 'VIEW_BATCH_JOBS' }, { permission: 'MANAGE_BATCH_JOBS' }];

const OPERATOR_NAME = 'admin';

/**
 * The operator of a local fleet: created at the first call, with a random password, and kept.
 *
 * @returns the credentials, and the path of the users file; other users in it are left as they are
 */
export async function keptCredentials(directory: string): Promise<Credentials & { usersFile: string }> {
  const usersFile = join(directory, 'users.json');
  const credentialsFile = join(directory, 'credentials.json');
  const users = parse<User[]>(usersFile) ?? [];
  const kept = parse<Credentials>(credentialsFile);
  if (kept && users.some(({ username }) => username === kept.username)) return { ...kept, usersFile };

  const credentials = kept ?? { username: OPERATOR_NAME, password: newPassword() };
  const others = users.filter(({ username }) => username !== credentials.username);
  writeJson(credentialsFile, credentials);
  await writeUsers(usersFile, [{ ...credentials, permissions: OPERATOR_PERMISSIONS }], others);
  return { ...credentials, usersFile };
}

/** Writes a users file: the others as they are, then the new users with their passwords hashed. */
export async function writeUsers(path: string, newUsers: readonly NewUser[], others: readonly User[] = []) {
  const hashed = await Promise.all(newUsers.map(hashedUser));
  writeJson(path, [...others, ...hashed]);
}

const hashedUser = async ({ username, password, permissions }: NewUser): Promise<User> => ({
  username,
  passwordHash: await hash(password),
  permissions,
});

const writeJson = (path: string, value: unknown) => writePrivately(path, `${JSON.stringify(value, null, 2)}\n`);

function parse<T>(path: string): T | undefined {
  const text = readIfThere(path);
  return text === undefined ? undefined : (JSON.parse(text) as T);
}
