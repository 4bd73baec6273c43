import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { MODULES, ROOT } from './paths.mjs';

/**
 * Whether node_modules holds what package-lock.json asks for. npm's own record of what it installed is the stamp: it
 * is written last, so an interrupted install has none.
 */
export function installIsCurrent() {
  const wanted = packagesOf(join(ROOT, 'package-lock.json'));
  const present = packagesOf(join(MODULES, '.package-lock.json'));
  if (!present) return false;
  return Object.entries(wanted).every(([path, { version, ...wish }]) =>
    present[path] ? present[path].version === version : path === '' || isLeftOut(wish),
  );
}

/** `npm ci`, by the npm that runs us if one does. No package of ours needs its install script, so none is run. */
export function install(run) {
  const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  const npm = process.env.npm_execpath;
  if (npm && /npm-cli\.c?js$/.test(npm)) run('Installing packages', process.execPath, [npm, ...args]);
  else run('Installing packages', 'npm', args);
}

/** Whether npm may leave a package out on this machine: an optional one for another system, or one that asks for a libc. */
function isLeftOut({ optional, devOptional, os, cpu, libc }) {
  if (!optional && !devOptional) return false;
  return libc !== undefined || os === undefined || !os.includes(process.platform) || !cpu?.includes(process.arch);
}

function packagesOf(lockFile) {
  try {
    return JSON.parse(readFileSync(lockFile, 'utf8')).packages;
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}
