import type { Operation } from '../problem/operation.js';
import {
  constant,
  id,
  named,
  object,
  text,
  uuid,
  type NamedSchema,
  type Schema,
  type ValueOf,
} from '../schema/schema.js';

import { warning } from './nobody-there.js';

/** The contract's answer to an operation that was carried out. */
const carriedOut = <O extends Operation>(operation: O) => ({
  operation: constant(operation) as Schema<O>,
  success: constant(true),
  message: text,
});

export const STARTED = named(
  'Started',
  object({ ...carriedOut('start'), jobExecutionId: id, executionUUID: uuid }, { warning }),
);
export const STOPPED = named('Stopped', object(carriedOut('stop')));
export const RESTARTED = named('Restarted', object(carriedOut('restart')));
export const ABANDONED = named('Abandoned', object(carriedOut('abandon')));
export const DELETED = named('Deleted', object(carriedOut('delete')));

export type Answer<S extends NamedSchema> = Promise<ValueOf<S>>;

export const done = <O extends Operation>(operation: O, message: string) => ({
  operation,
  success: true as const,
  message,
});
