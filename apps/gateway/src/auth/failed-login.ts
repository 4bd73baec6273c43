import { Problem } from '../problem/problem.js';
import type { User } from './permissions.js';

const CHALLENGE = { 'WWW-Authenticate': 'Basic realm="Longshore", charset="UTF-8"' };

export const unauthenticated = (message: string): Problem => new Problem('UNAUTHENTICATED', message, [], CHALLENGE);

/** A wrong username or password; the answer does not say which of them. */
export class FailedLogin extends Problem {
  constructor(
    /** The user of that name; undefined if there is none. */
    readonly user: User | undefined,
    /** How many tries with this name, from one network, have failed in a row, with this one. */
    readonly failures: number,
  ) {
    super('UNAUTHENTICATED', 'Username or password is wrong.', [], CHALLENGE);
  }
}

export function tooManyFailedLogins(wait: number): Problem {
  const seconds = Math.max(1, Math.ceil(wait / 1_000));
  return new Problem('TOO_MANY_FAILED_LOGINS', `Too many failed logins. Try again in ${seconds} s.`, [], {
    'Retry-After': String(seconds),
  });
}
