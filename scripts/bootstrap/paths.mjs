import { resolve } from 'node:path';

export const ROOT = resolve(import.meta.dirname, '../..');
export const MODULES = resolve(ROOT, 'node_modules');
export const DIST = resolve(ROOT, 'dist');
/** Held while packages are installed or sources built. */
export const LOCK = resolve(DIST, '.bootstrap.lock');
/** What the sources looked like when they were last built. */
export const BUILD_STAMP = resolve(DIST, '.bootstrap.json');
