/** Connection errors of Node, and the SQLSTATEs of an unavailable PostgreSQL (classes 08 and 57P, and 53300). */
const CODE =
  /^(ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|08\w{3}|57P0\w|53300)$/;

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
    '^(LOADING|READONLY|MISCONF|MASTERDOWN|CLUSTERDOWN|NOREPLICAS|OOM|TRYAGAIN) ',
  ].join('|'),
  'i',
);

/** How deep causes are followed. */
const DEPTH = 5;

/** Whether an error says that Redis or PostgreSQL is unavailable, or is caused by one that does. */
export function isUnavailable(error: unknown, depth = DEPTH): boolean {
  if (!(error instanceof Error) || depth === 0) return false;
  const { code, errors } = error as { code?: unknown; errors?: unknown };
  return (
    CODE.test(String(code)) ||
    NAME.test(error.name) ||
    MESSAGE.test(error.message) ||
    isUnavailable(error.cause, depth - 1) ||
    (Array.isArray(errors) && errors.some((inner) => isUnavailable(inner, depth - 1)))
  );
}
