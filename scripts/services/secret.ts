import { randomBytes } from 'node:crypto';
import { readIfThere, writePrivately } from '../local/files.js';

/** A random password of letters, digits, - and _ (144 bits): needs no escaping in URLs, configuration files or shells. */
export const newPassword = (): string => randomBytes(18).toString('base64url');

/** The password kept in a file that only its owner may read; created at the first call. */
export function keptPassword(path: string): string {
  const kept = readIfThere(path)?.trim();
  if (kept) return kept;
  const password = newPassword();
  writePrivately(path, `${password}\n`);
  return password;
}
