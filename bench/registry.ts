import type { Line } from './line.js';
import { chunkLine } from './lines/chunk.js';
import { engineLine } from './lines/engine.js';
import { fairnessLine } from './lines/fairness.js';
import { firstRowLine } from './lines/first-row.js';
import { historyLines } from './lines/history.js';
import { hugeLines } from './lines/huge.js';
import { importLines } from './lines/import.js';
import { listLine } from './lines/list.js';
import { memoryLine } from './lines/memory.js';
import { planningLine } from './lines/planning.js';
import { redisBytesLine } from './lines/redis-bytes.js';
import { workersLine } from './lines/workers.js';

/** Every line of the table, in its order. A new one is added here. */
export const LINES: readonly Line[] = [
  ...importLines,
  planningLine,
  engineLine,
  chunkLine,
  firstRowLine,
  listLine,
  ...historyLines,
  ...hugeLines,
  redisBytesLine,
  memoryLine,
  fairnessLine,
  workersLine,
];
