import { readFileSync } from 'node:fs';
import { ARGUMENTS, prologueOf, type ScriptName } from './arguments.js';
import { CONSTANTS, LOST } from './constants.js';

export { inOrder, type Argument, type Arguments, type ScriptName } from './arguments.js';
export { LOST };

/** Functions that scripts share; those of a file may use those of the files before. */
const SHARED_FILES = ['events', 'executions', 'databases', 'partitions', 'steps'];

const COMMENT_LINE = /^ *--.*\n/gm;
const FUNCTION = /^local function (\w+)[\s\S]*?^end\n/gm;

const read = (path: string): string =>
  readFileSync(new URL(`./${path}.lua`, import.meta.url), 'utf8').replaceAll(COMMENT_LINE, '');

/** A piece of Lua by the name that it defines. A piece may use those before it. */
const PIECES: [string, string][] = [
  ...CONSTANTS,
  ...SHARED_FILES.flatMap((file) =>
    [...read(`pieces/${file}`).matchAll(FUNCTION)].map(([lua, name]): [string, string] => [name!, lua]),
  ),
];

/**
 * A script as Redis gets it: the pieces it uses, since Redis runs their definitions at each call, and its arguments by
 * name.
 *
 * KEYS[1] is the module's root; the other keys are derived from it. They all lie in its slot, so this holds in a
 * Redis Cluster too; of one whose slot is being moved, KEYS[2] keeps the script away (script-runner.ts).
 */
function sourceOf(name: ScriptName): string {
  const script = `${prologueOf(name)}\n${read(name)}`;
  const source = withPieces(script);
  return RECORDS.test(source) ? `local EVENTS = {}\n${withPieces(answeringEvents(script))}` : source;
}

/** Whether a script may append events. */
const RECORDS = /^local function record\b/m;

/** The script with what it has appended before its own answer, which may be nil. */
const answeringEvents = (script: string): string =>
  `local function main()\n${script}\nend\nlocal answer = main()\nreturn {EVENTS, answer}`;

function withPieces(script: string): string {
  return PIECES.reduceRight(
    (lua, [piece, definition]) => (new RegExp(`\\b${piece}\\b`).test(lua) ? `${definition}\n${lua}` : lua),
    script,
  );
}

/** Every script, by name: one a transition. */
export const SOURCES: ReadonlyMap<ScriptName, string> = new Map(
  (Object.keys(ARGUMENTS) as ScriptName[]).map((name) => [name, sourceOf(name)]),
);

/** Scripts that answer with a list: the events that they have appended, and their own answer. */
export const RECORDING: ReadonlySet<ScriptName> = new Set(
  [...SOURCES].filter(([, source]) => RECORDS.test(source)).map(([name]) => name),
);
