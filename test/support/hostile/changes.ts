import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdirSync, renameSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { ndjson, numbered } from '../resources.js';

/** What happens to a file while it is read, and how a partition that opens it later fails. */
export type Change = readonly [name: string, change: (path: string) => void, message: RegExp];

const CHANGED = /^moving-\d+\.ndjson has changed since it was planned; start a new job\.$/;

const replaceBy = (make: (path: string) => void) => (path: string) => {
  make(`${path}.new`);
  renameSync(`${path}.new`, path);
};

/** A file with so many rows. */
const otherRows = (count: number) => (path: string) => writeFileSync(path, ndjson(numbered('other', count)));

export const CHANGES: readonly Change[] = [
  ['grows', (path) => appendFileSync(path, 'more'), CHANGED],
  ['shrinks', (path) => truncateSync(path, 100), CHANGED],
  ['is emptied', (path) => truncateSync(path, 0), CHANGED],
  ['is written anew', otherRows(1_000), CHANGED],
  ['is replaced by a smaller one', replaceBy(otherRows(3)), CHANGED],
  ['is replaced by a larger one', replaceBy(otherRows(1_000)), CHANGED],
  ['vanishes', (path) => rmSync(path), /which cannot be read \(ENOENT\)\.$/],
  ['becomes a directory', (path) => (rmSync(path), mkdirSync(path)), /which is a directory; rename it/],
  ['becomes a pipe', (path) => (rmSync(path), execFileSync('mkfifo', [path])), /which is not a regular file\.$/],
  ['becomes a way out', replaceBy((path) => symlinkSync('/etc/passwd', path)), /a link that leads outside/],
];
