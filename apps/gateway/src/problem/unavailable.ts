/**
 * Connection errors of Node, and the SQLSTATEs of a PostgreSQL that cannot be used: it is unavailable (08, 57P), short of
 * resources (53), takes no writes (25006), does not know the database (3D000) or refuses the user (28).
 */
const CODE =
  /^(ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|08\w{3}|57P0\w|53\w{3}|25006|3D000|28\w{3})$/;

/** Names of the errors that ioredis, BullMQ and the job kit give to a lost connection. */
const NAME = /^(MaxRetriesPerRequestError|ClusterAllFailedError|ConnectionClosedError|TransientError)$/;

/** What clients say without a code, and Redis's replies while it cannot serve. */
const MESSAGE = new RegExp(
  [
    '^Connection is closed',
    "^Stream isn't writeable",
    '^Command timed out',
    "^Cluster isn't ready",
    '^Cluster is ended',
    '^None of startup nodes is available',
    '^Too many Cluster redirections',
    '^Connection terminated',
    '^Client has encountered a connection error',
    '^timeout (expired|exceeded)',
    '^Query read timeout',
    '^(LOADING|READONLY|MISCONF|MASTERDOWN|CLUSTERDOWN|NOREPLICAS|OOM|TRYAGAIN|NOAUTH|WRONGPASS) ',
  ].join('|'),
  'i',
);

/** How deep causes are followed. */
const DEPTH = 5;

/** Whether an error says that Redis or PostgreSQL is unavailable, or is caused by one that does. It may be anything. */
export function isUnavailable(error: unknown): boolean {
  try {
    return saysUnavailable(error, DEPTH);
  } catch {
    // Its properties throw themselves.
    return false;
  }
}

function saysUnavailable(error: unknown, depth: number): boolean {
  if (!(error instanceof Error) || depth === 0) return false;
  const { code, errors } = error as { code?: unknown; errors?: unknown };
  return (
    CODE.test(String(code)) ||
    NAME.test(error.name) ||
    MESSAGE.test(error.message) ||
    saysUnavailable(error.cause, depth - 1) ||
    (Array.isArray(errors) && errors.some((inner) => saysUnavailable(inner, depth - 1)))
  );
}
