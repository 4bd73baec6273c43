import type { Line } from './line.js';
import { chunkLine } from './lines/chunk.js';
import { engineLine } from './lines/engine.js';
import { firstRowLine } from './lines/first-row.js';
import { importLines } from './lines/import.js';
import { listLine } from './lines/list.js';
import { planningLine } from './lines/planning.js';

/** Every line of the table, in its order. A new one is added here. */
export const LINES: readonly Line[] = [...importLines, planningLine, engineLine, chunkLine, firstRowLine, listLine];
