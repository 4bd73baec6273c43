import { existsSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BUILD_STAMP, DIST, MODULES } from './paths.mjs';

const SOURCES = ['apps', 'libs', 'scripts', 'bench', 'test/testbed'];
const SETTINGS = ['tsconfig.json', 'tsconfig.build.json', 'nest-cli.json', 'package.json', 'package-lock.json'];

/** Whether nothing has changed since the last build, by paths, sizes and times. */
export const buildIsCurrent = () => JSON.stringify(stamps()) === JSON.stringify(lastStamps());

/** Builds everything into `dist/`, and removes the output of sources that no longer exist. */
export function build(run) {
  const now = stamps();
  const gone = Object.keys(lastStamps() ?? {}).filter((path) => !(path in now));
  rmSync(BUILD_STAMP, { force: true });
  for (const path of gone.flatMap(builtFrom)) rmSync(join(DIST, path), { force: true });
  run('Building', process.execPath, [join(MODULES, '@nestjs/cli/bin/nest.js'), 'build']);
  writeFileSync(BUILD_STAMP, JSON.stringify(now));
}

/** What a source becomes in `dist/`: TypeScript is compiled, Lua is copied (nest-cli.json, "assets"). */
const builtFrom = (path) =>
  path.endsWith('.ts') ? ['.js', '.js.map'].map((ending) => path.replace(/\.ts$/, ending)) : [path];

/** The size and modification time of every source, by path. */
function stamps() {
  const paths = SOURCES.filter((dir) => existsSync(dir))
    .flatMap((dir) => readdirSync(dir, { recursive: true }).map((path) => join(dir, path)))
    .filter((path) => (path.endsWith('.ts') && !path.endsWith('.spec.ts')) || path.endsWith('.lua'))
    .toSorted();
  return Object.fromEntries([...SETTINGS, ...paths].map((path) => [path, stampOf(statSync(path))]));
}

const stampOf = ({ size, mtimeMs }) => `${size} ${mtimeMs}`;

function lastStamps() {
  try {
    return JSON.parse(readFileSync(BUILD_STAMP, 'utf8'));
  } catch {
    return undefined;
  }
}
