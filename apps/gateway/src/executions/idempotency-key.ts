import type { IncomingHttpHeaders } from 'node:http';
import type { FieldError } from '#domain';

/** What is wrong with the `Idempotency-Key` header, if there is one: it has 1 to 255 printable ASCII characters. */
export function idempotencyKeyErrors({ 'idempotency-key': key }: IncomingHttpHeaders): FieldError[] {
  if (key === undefined || (typeof key === 'string' && /^[\x20-\x7e]{1,255}$/.test(key))) return [];
  return [{ field: 'Idempotency-Key', message: 'must be 1 to 255 printable ASCII characters' }];
}

/** The key, as a start request takes it. What a repeated one answers is decided in libs/engine/src/idempotency.ts. */
export const idempotencyKeyOf = ({ 'idempotency-key': key }: IncomingHttpHeaders): { idempotencyKey?: string } =>
  typeof key === 'string' ? { idempotencyKey: key } : {};
