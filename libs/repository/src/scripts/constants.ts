import { BATCH_STATUSES, COUNT_NAMES, exitCodeOf, isRunning, partitionStepName, sourcesOf } from '#domain';
import { LIMITS } from '#engine';
import { KEYS } from '../keys.js';

/** What a controller's script returns once another controller, or a force stop, took the lease. */
export const LOST = 'LEASE_LOST';

/** About how many events of a module are kept; Redis trims in whole nodes, so a few more stay. */
const MOST_EVENTS = 10_000;

const luaTable = (entries: [string, string][]): string =>
  `{${entries.map(([name, value]) => `[${JSON.stringify(name)}]=${value}`).join(',')}}`;

const luaSet = (words: readonly string[]): string => luaTable(words.map((word) => [word, 'true']));

/** `execution:?:step:?` → a Lua function of two arguments, `stepExecutionKey`. */
function keyFunction([name, template]: [string, string]): [string, string] {
  const [first = '', ...rest] = template.split('?');
  const args = rest.map((_, i) => `a${i}`);
  const suffix = rest.map((text, i) => ` .. a${i}${text === '' ? '' : ` .. '${text}'`}`).join('');
  return [`${name}Key`, `local function ${name}Key(${args.join(', ')}) return KEYS[1] .. '${first}'${suffix} end`];
}

/** Names and tables that Lua shares with TypeScript, generated so that it never has its own idea of them. */
export const CONSTANTS: [string, string][] = [
  ...Object.entries(KEYS).map(keyFunction),
  ['STATUSES', `local STATUSES = {${BATCH_STATUSES.map((status) => JSON.stringify(status)).join(',')}}`],
  ['RUNNING', `local RUNNING = ${luaSet(BATCH_STATUSES.filter(isRunning))}`],
  ['SOURCES', `local SOURCES = ${luaTable(BATCH_STATUSES.map((status) => [status, luaSet(sourcesOf(status))]))}`],
  [
    'EXIT_CODES',
    `local EXIT_CODES = ${luaTable(BATCH_STATUSES.map((status) => [status, JSON.stringify(exitCodeOf(status))]))}`,
  ],
  ['COUNTS', `local COUNTS = {${COUNT_NAMES.map((name) => JSON.stringify(name)).join(',')}}`],
  ['MAX_EVENTS', `local MAX_EVENTS = ${MOST_EVENTS}`],
  ['MAX_FAILURES', `local MAX_FAILURES = ${LIMITS.failures}`],
  ['NAME_SEPARATOR', `local NAME_SEPARATOR = ${JSON.stringify(partitionStepName('', ''))}`],
  ['LOST', `local LOST = '${LOST}'`],
  // Redis's own clock, in ms: all times are by it, and not by the workers'.
  ['NOW', `local NOW = redis.call('TIME'); NOW = NOW[1] * 1000 + math.floor(NOW[2] / 1000)`],
];
