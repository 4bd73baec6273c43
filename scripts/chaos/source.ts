import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { ImportShape } from './plan.js';

/** The expected outcome of an import. */
export interface Expected {
  /** JSON of each valid row's resource, by id; of an id that is repeated, that of the last row in source order. */
  resources: ReadonlyMap<string, string>;
  /** How many valid rows there are: more than resources, where ids are repeated. */
  validRows: number;
  /** Bad rows, as `file:row`, sorted. */
  rejected: readonly string[];
}

/** The prefix of every id of a task; no task's prefix is the prefix of another's. */
export const prefixOf = (task: number): string => `task-${task}-`;

/** The directory of a task's files, below the import directory. */
export const sourceOf = (task: number): string => `task-${task}`;

/** What is in an id that every file repeats. */
export const REPEATED = 'again';
/** Every so many rows of a file have an id that each other file has, too: in another partition, to be written by another worker. */
const REPEATED_EVERY = 40;

/** Writes the files of an import. @returns its expected outcome */
export function writeSource(importDirectory: string, task: number, { files, badRows }: ImportShape): Expected {
  const directory = join(importDirectory, sourceOf(task));
  mkdirSync(directory, { recursive: true });
  const total = files.reduce((sum, rows) => sum + rows, 0);
  const stride = badRows === 0 ? Infinity : Math.floor(total / badRows);
  const resources = new Map<string, string>();
  const rejected: string[] = [];
  let seen = 0;
  let validRows = 0;
  for (const [index, rows] of files.entries()) {
    const name = `file-${index}.ndjson${index % 2 === 1 ? '.gz' : ''}`;
    const lines: string[] = [];
    for (let row = 0; row < rows; row += 1) {
      seen += 1;
      const id = `${prefixOf(task)}${row % REPEATED_EVERY === 0 ? REPEATED : index}-${row}`;
      if (seen % stride === 0) {
        rejected.push(`${sourceOf(task)}/${name}:${row}`);
        lines.push(`{"resourceType":"Basic","id":"${id}"`);
      } else {
        const json = JSON.stringify({ resourceType: 'Basic', id, row, note: `Row ${row} of ${name}` });
        resources.set(id, json);
        validRows += 1;
        lines.push(json);
      }
    }
    const content = `${lines.join('\n')}\n`;
    writeFileSync(join(directory, name), name.endsWith('.gz') ? gzipSync(content) : content);
  }
  return { resources, validRows, rejected: rejected.toSorted() };
}
