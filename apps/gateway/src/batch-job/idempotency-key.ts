import type { IncomingHttpHeaders } from 'node:http';
import { refuse } from './asked.js';

/**
 * The `Idempotency-Key` header, in the scope of its user: two users' keys never meet (a username has no colon).
 *
 * @throws Problem INVALID_REQUEST unless it is 1 to 255 printable ASCII characters
 */
export function idempotencyKeyOf(headers: IncomingHttpHeaders, username: string): string | undefined {
  const key = headers['idempotency-key'];
  if (key === undefined) return undefined;
  if (typeof key !== 'string' || !/^[\x20-\x7e]{1,255}$/.test(key)) {
    refuse([{ field: 'Idempotency-Key', message: 'must be 1 to 255 printable ASCII characters' }]);
  }
  return `${username}:${String(key)}`;
}
