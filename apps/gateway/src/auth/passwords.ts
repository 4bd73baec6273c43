import { hash, hashSync, verify } from '@node-rs/argon2';
import { randomBytes } from 'node:crypto';

/** The library's defaults: argon2id, 19 MiB, 2 passes (OWASP's minimum). */
export const hashPassword = (password: string): Promise<string> => hash(password);

/** 128 bits, as text. */
export const generatePassword = (): string => randomBytes(16).toString('base64url');

/** A hash nobody has the password of: what an unknown user is checked against, so that they cost as much as a known one. */
const NOBODY = hashSync(randomBytes(32));

/** Whether a password is the one behind a hash; never, but at the same cost, without a hash. */
export async function passwordMatches(passwordHash: string | undefined, password: string): Promise<boolean> {
  const matches = await verify(passwordHash ?? NOBODY, password).catch(() => false);
  return matches && passwordHash !== undefined;
}
