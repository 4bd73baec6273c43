import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { z } from 'zod';
import { CLUSTER_URL_FORM, clusterAddress, namesCluster } from './redis-cluster-url.js';

/** A storage module: where its jobs read from and write to. */
export interface ModuleSettings {
  id: string;
  databaseUrl: string;
  /** Absolute path; nothing outside it is ever read. */
  importDirectory: string;
}

/** A number given as a string, in `unit`s. */
const whole = (fallback: number, min: number, max: number) =>
  z
    .string()
    .regex(/^\d{1,12}$/, 'must be a whole number')
    .transform(Number)
    .refine((n) => n >= min && n <= max, `must lie between ${min} and ${max}`)
    .prefault(String(fallback));

const port = z
  .string()
  .regex(/^\d{1,5}$/, 'must be a port')
  .transform(Number)
  .refine((n) => n >= 1 && n <= 65_535, 'must lie between 1 and 65535');

/** A list, empty by default. @param isValid of each entry */
const commaSeparated = (isValid: (entry: string) => boolean, message: string) =>
  z
    .string()
    .transform((text) => text.split(',').map((entry) => entry.trim()))
    .refine((entries) => entries.every(isValid), message)
    .optional()
    .transform((entries): readonly string[] => entries ?? []);

/** E.g. `10.0.0.7`, `10.0.0.0/8` or `fd00::/8`. */
function isAddressRange(text: string): boolean {
  const [address = '', bits, ...rest] = text.split('/');
  const longest = isIP(address) === 4 ? 32 : 128;
  return isIP(address) > 0 && rest.length === 0 && (bits === undefined || (/^\d{1,3}$/.test(bits) && +bits <= longest));
}

const isOrigin = (text: string): boolean => URL.canParse(text) && new URL(text).origin === text;

/** How long ended executions are kept, by status. */
const retention = z.partialRecord(
  z.enum(['STOPPED', 'FAILED', 'COMPLETED', 'ABANDONED', 'UNKNOWN']),
  z.strictObject({ days: z.number().positive().optional(), count: z.number().int().nonnegative().optional() }),
);

/** A setting that is JSON itself. */
const json = (text: string, context: z.RefinementCtx): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    context.addIssue({ code: 'custom', message: 'must be JSON' });
    return z.NEVER;
  }
};

/** A year of nightly imports stays far below this, and Redis below a gigabyte. */
const KEPT = { days: 90, count: 1_000_000 };
const DEFAULT_RETENTION = JSON.stringify({
  COMPLETED: KEPT,
  FAILED: KEPT,
  STOPPED: KEPT,
  ABANDONED: KEPT,
  UNKNOWN: KEPT,
});

const modulesFile = z
  .array(
    z.strictObject({
      id: z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, 'must be letters, digits, - or _'),
      databaseUrl: z.string().min(1),
      importDirectory: z.string().startsWith('/', 'must be an absolute path'),
    }),
  )
  .min(1);

/** Whether each percent sign encodes something: the client decodes user and password. */
function isPercentEncoded(url: string): boolean {
  try {
    return decodeURIComponent(url) !== '';
  } catch {
    return false;
  }
}

/** Every setting, with its default. `docs/settings.md` lists them for people; a test holds the two together. */
export const SETTINGS = z.object({
  /** Redis, or Redis Cluster, that holds executions and queues. */
  REDIS_URL: z
    .string()
    .refine((url) => !namesCluster(url) || clusterAddress(url), `must look like ${CLUSTER_URL_FORM}`)
    .refine((url) => namesCluster(url) || isPercentEncoded(url), 'must have its user and password percent-encoded')
    .default('redis://127.0.0.1:6379'),
  /** First part of every Redis key. */
  KEY_PREFIX: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,40}$/, 'must be letters, digits, - or _')
    .default('longshore'),
  /** JSON file: `[{"id", "databaseUrl", "importDirectory"}]`. Where absent, the next three make one module. */
  MODULES_FILE: z.string().optional(),
  MODULE_ID: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,64}$/, 'must be letters, digits, - or _')
    .default('persistence'),
  DATABASE_URL: z.string().optional(),
  IMPORT_DIRECTORY: z.string().startsWith('/', 'must be an absolute path').optional(),

  /** Gateway: address and port to listen on; port 0 takes a free one. */
  HOST: z.string().default('127.0.0.1'),
  PORT: whole(9000, 0, 65_535),
  /** Gateway: JSON file of users, made by `npm run users`. */
  USERS_FILE: z.string().optional(),
  /** Gateway: addresses or CIDR ranges of the proxies whose `X-Forwarded-For` and `X-Forwarded-Host` are believed. */
  TRUSTED_PROXIES: commaSeparated(isAddressRange, 'must be IP addresses or CIDR ranges, separated by commas'),
  /** Gateway: origins that count as its own, where a proxy changes the `Host` header. */
  ALLOWED_ORIGINS: commaSeparated(isOrigin, 'must be origins like https://jobs.example.org, separated by commas'),
  /** Gateway: whether a command is answered once it is on disk, where Redis tells, or as soon as it is in memory. */
  ACKNOWLEDGE_AFTER: z.enum(['disk', 'memory']).default('disk'),

  /** Worker: partitions run side by side in one process. */
  WORKER_CONCURRENCY: whole(2, 1, 1_000),
  /** Worker: tasklets and plans run side by side in one process. */
  STEP_CONCURRENCY: whole(4, 1, 1_000),
  /** Worker: executions moved on (started, stopped, ended) side by side in one process. */
  CONTROL_CONCURRENCY: whole(4, 1, 1_000),
  /** Most partitions of one execution in the queue at a time. At least the number of partitions the fleet runs side by side. */
  PARTITION_WINDOW: whole(64, 1, 100_000),
  /** How long a worker may be silent before its work goes to another, in ms. */
  LOCK_DURATION_MS: whole(10_000, 500, 3_600_000),
  /** How often silent workers are looked for, in ms. */
  STALLED_INTERVAL_MS: whole(5_000, 100, 3_600_000),
  /** How often executions without progress are looked for, in ms. */
  SWEEP_INTERVAL_MS: whole(5_000, 100, 3_600_000),
  /** How long executions that have ended are kept, by status, as JSON: `{"COMPLETED": {"days": 90, "count": 1000000}, …}`. */
  RETENTION: z.string().transform(json).pipe(retention).prefault(DEFAULT_RETENTION),
  /** How often what is to be kept no longer is looked for, in ms. */
  RETENTION_INTERVAL_MS: whole(60_000, 100, 86_400_000),
  /** Tries at a partition that meets transient faults. */
  PARTITION_ATTEMPTS: whole(8, 1, 1_000),
  /** How long work may be handed back, because no worker has its job in the right version, before its execution FAILS, in ms. */
  HAND_BACK_LIMIT_MS: whole(86_400_000, 100, 2_592_000_000),
  /** How long code of a job may go on after it was told to leave, before its worker leaves to be replaced, in ms. */
  ABANDONED_LIMIT_MS: whole(300_000, 1_000, 86_400_000),
  /** First pause before a repeat, doubled each time, with jitter, in ms. */
  RETRY_BACKOFF_MS: whole(500, 1, 600_000),
  /** How long a process has to leave after SIGTERM, in ms. */
  SHUTDOWN_DEADLINE_MS: whole(20_000, 100, 3_600_000),
  /** Worker: port on HOST for `/health/live`, `/health/ready` and `/metrics`; none where absent. */
  HEALTH_PORT: port.optional(),
  /** Longest accepted line of a source, in bytes. */
  MAX_LINE_BYTES: whole(16_777_216, 1_024, 268_435_456),

  /** For tests of a mixed fleet: the version of `noopJob`. */
  NOOP_JOB_VERSION: z.enum(['1', '2']).default('1'),

  LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info'),
});

/** Settings that hold a password. Each may be a file instead, named by `<setting>_FILE`, as Docker and Kubernetes mount secrets. */
export const SECRETS = ['REDIS_URL', 'DATABASE_URL'] as const satisfies readonly (keyof typeof SETTINGS.shape)[];

export type Settings = Omit<
  z.output<typeof SETTINGS>,
  'MODULES_FILE' | 'MODULE_ID' | 'DATABASE_URL' | 'IMPORT_DIRECTORY'
> & {
  modules: readonly ModuleSettings[];
};

/**
 * Reads and validates every setting, once, at boot.
 *
 * @throws Error naming every setting that will not do
 */
export function readSettings(env: NodeJS.ProcessEnv = process.env): Settings {
  const present = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''));
  Object.assign(present, secretsOf(present));
  const { MODULES_FILE, MODULE_ID, DATABASE_URL, IMPORT_DIRECTORY, ...rest } = check(SETTINGS, present, 'Settings');
  if (MODULES_FILE) return { ...rest, modules: readModules(MODULES_FILE) };
  if (!DATABASE_URL || !IMPORT_DIRECTORY) {
    throw new Error('Settings refused: give DATABASE_URL and IMPORT_DIRECTORY, or MODULES_FILE for several modules.');
  }
  return { ...rest, modules: [{ id: MODULE_ID, databaseUrl: DATABASE_URL, importDirectory: IMPORT_DIRECTORY }] };
}

/** What the files of secrets hold. The line feed that editors put at the end does not belong to it. */
function secretsOf(env: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(
    SECRETS.flatMap((name) => {
      const path = env[`${name}_FILE`];
      if (path === undefined) return [];
      if (env[name] !== undefined) throw new Error(`Settings refused: give ${name} or ${name}_FILE, not both.`);
      return [[name, readSecret(`${name}_FILE`, path)]];
    }),
  );
}

function readSecret(setting: string, path: string): string {
  try {
    const secret = readFileSync(path, 'utf8').trim();
    if (secret !== '') return secret;
  } catch (error) {
    const { code = 'an error' } = error as NodeJS.ErrnoException;
    throw new Error(`Settings refused: ${setting} names ${path}, which cannot be read (${code}).`, { cause: error });
  }
  throw new Error(`Settings refused: ${setting} names ${path}, which is empty.`);
}

function readModules(path: string): ModuleSettings[] {
  const modules = check(modulesFile, parseModules(path), `Modules file ${path}`);
  if (new Set(modules.map(({ id }) => id)).size < modules.length) {
    throw new Error(`Modules file ${path} refused: two modules have the same id.`);
  }
  return modules;
}

/** The parser's own message is not passed on: it would quote the file, passwords and all. */
function parseModules(path: string): unknown {
  const text = readFileSync(path, 'utf8');
  try {
    return JSON.parse(text);
  } catch {
    throw new Error(`Modules file ${path} refused: it is not JSON.`);
  }
}

function check<T>(schema: z.ZodType<T>, value: unknown, what: string): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const faults = result.error.issues.map((issue) => `${issue.path.join('.')} ${issue.message}`);
  throw new Error(`${what} refused: ${faults.join('; ')}.`);
}
