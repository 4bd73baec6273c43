import { hash } from '@node-rs/argon2';
import { join } from 'node:path';
import { newPassword } from '../services/secret.js';
import { readIfThere, writePrivately } from './files.js';

export interface Credentials {
  username: string;
  password: string;
}

/** A user as the gateway reads it from `USERS_FILE`. */
interface User {
  username: string;
  /** argon2id, in PHC format. */
  passwordHash: string;
  permissions: readonly { permission: string; argument?: string }[];
}

const USERNAME = 'admin';
const PERMISSIONS = [{ permission: 'VIEW_BATCH_JOBS' }, { permission: 'MANAGE_BATCH_JOBS' }];

/**
 * The operator of a local fleet: made at the first call, with a random password, and kept.
 *
 * @returns the credentials, and the path of the users file, whose other users are left alone
 */
export async function keptCredentials(directory: string): Promise<Credentials & { usersFile: string }> {
  const usersFile = join(directory, 'users.json');
  const credentialsFile = join(directory, 'credentials.json');
  const users = parse<User[]>(usersFile) ?? [];
  const kept = parse<Credentials>(credentialsFile);
  if (kept && users.some(({ username }) => username === kept.username)) return { ...kept, usersFile };

  const credentials = kept ?? { username: USERNAME, password: newPassword() };
  const passwordHash = await hash(credentials.password);
  const others = users.filter(({ username }) => username !== credentials.username);
  const operator: User = { username: credentials.username, passwordHash, permissions: PERMISSIONS };
  writePrivately(credentialsFile, `${JSON.stringify(credentials, null, 2)}\n`);
  writePrivately(usersFile, `${JSON.stringify([...others, operator], null, 2)}\n`);
  return { ...credentials, usersFile };
}

function parse<T>(path: string): T | undefined {
  const text = readIfThere(path);
  return text === undefined ? undefined : (JSON.parse(text) as T);
}
