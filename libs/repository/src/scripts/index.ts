import * as control from './control.lua.js';
import * as operations from './operations.lua.js';
import * as partitions from './partitions.lua.js';
import { withPieces } from './pieces.lua.js';
import * as read from './read.lua.js';
import * as recovery from './recovery.lua.js';
import * as retention from './retention.lua.js';
import * as settlement from './settlement.lua.js';

const { LOST, ...controlScripts } = control;
export { LOST };

/** Every script, by name: one a transition. */
const SCRIPTS = { ...operations, ...controlScripts, ...partitions, ...read, ...recovery, ...retention, ...settlement };

export type ScriptName = keyof typeof SCRIPTS;

/** Each script as Redis gets it. */
export const sources = (): [ScriptName, string][] =>
  (Object.entries(SCRIPTS) as [ScriptName, string][]).map(([name, body]) => [name, withPieces(body)]);
