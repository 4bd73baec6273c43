import { existsSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BUILD_STAMP, DIST, MODULES } from './paths.mjs';

const SOURCES = ['apps', 'libs', 'scripts', 'bench', 'test/testbed'];
const SETTINGS = ['tsconfig.json', 'tsconfig.build.json', 'nest-cli.json', 'package.json', 'package-lock.json'];

/** Whether nothing has changed since the last build, by paths, sizes and times. */
export const buildIsCurrent = () => JSON.stringify(stamps()) === JSON.stringify(lastStamps());

/** Compiles everything into `dist/`, and removes the output of sources that no longer exist. */
export function build(run) {
  const now = stamps();
  const gone = Object.keys(lastStamps() ?? {}).filter((path) => !(path in now));
  rmSync(BUILD_STAMP, { force: true });
  for (const path of gone) {
    for (const ending of ['.js', '.js.map']) rmSync(join(DIST, path.replace(/\.ts$/, ending)), { force: true });
  }
  run('Building', process.execPath, [join(MODULES, '@nestjs/cli/bin/nest.js'), 'build']);
  writeFileSync(BUILD_STAMP, JSON.stringify(now));
}

/** The size and modification time of every source, by path. */
function stamps() {
  const paths = SOURCES.filter((dir) => existsSync(dir))
    .flatMap((dir) => readdirSync(dir, { recursive: true }).map((path) => join(dir, path)))
    .filter((path) => path.endsWith('.ts') && !path.endsWith('.spec.ts'))
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
