import { constants } from 'node:fs';
import { access, open, readdir, readlink, realpath, stat, type FileHandle } from 'node:fs/promises';
import { join, posix, sep } from 'node:path';
import { TransientError } from '#job-kit';
import { answered, close } from './answered.js';
import { glob, isGlob } from './glob.js';
import { isTransientIo } from './io-errors.js';

/** The source will not do. */
export class SourceRefusedError extends Error {
  override readonly name = 'SourceRefusedError';

  /** @param fault what is wrong and what to do instead, as it reads on from "The source …" */
  constructor(readonly fault: string) {
    super(`The source ${fault}.`);
  }
}

const refuse = (fault: string): never => {
  throw new SourceRefusedError(fault);
};

const ENDING = /\.ndjson(\.gz)?$/;

/** Most files of a source: each is looked at before the start is accepted, and named in the plan. */
const MOST_FILES = 100_000;

/** What no source may contain: each would be a way out of the import directory, or around this check. */
const FORBIDDEN: readonly [pattern: RegExp, fault: string][] = [
  [/\0/, 'must not contain a NUL character'],
  [/\\/, 'must not contain a backslash; separate folders by "/"'],
  [/^\//, 'must be relative to the import directory, without a leading "/"'],
  [/(^|\/)\.\.(\/|$)/, 'must not contain ".."; nothing outside the import directory can be read'],
  [/^!/, 'must not begin with "!"'],
];

/**
 * The files that a source names: a file, the .ndjson and .ndjson.gz files directly in a directory, or those that match
 * a glob (`*`, `**`, `?`, `[…]`).
 *
 * @returns paths relative to the import directory, in byte order; at least one, at most `mostFiles`
 * @throws SourceRefusedError
 */
export async function resolveSource(
  importDirectory: string,
  source: string,
  mostFiles = MOST_FILES,
): Promise<string[]> {
  for (const [pattern, fault] of FORBIDDEN) if (pattern.test(source)) refuse(fault);
  const names = await namesOf(await rootOf(importDirectory), posix.normalize(source).replace(/\/$/, ''));
  if (names.length === 0) refuse(`names no .ndjson or .ndjson.gz file; nothing matches "${source}"`);
  if (names.length > mostFiles) {
    refuse(`names ${names.length} files; at most ${mostFiles} can be imported together: join them, or name fewer`);
  }
  for (const name of names)
    await answered(name, access(await locate(importDirectory, name), constants.R_OK)).catch(unreadable(name));
  return names.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
}

/** What stands there goes before what it means as a glob: a file may be called `a[1].ndjson`. */
async function namesOf(root: string, source: string): Promise<string[]> {
  const found = await answered(source, stat(join(root, source))).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
    return unreadable(source)(error);
  });
  if (found?.isDirectory() && !ENDING.test(source)) return listed(root, source);
  if (found)
    return ENDING.test(source) ? [source] : refuse(`names "${source}", which is neither .ndjson nor .ndjson.gz`);
  if (!isGlob(source)) return refuse(`names nothing that exists; there is no "${source}" in the import directory`);
  return (await glob(root, source).catch(unreadable(source))).filter((name) => ENDING.test(name));
}

async function listed(root: string, directory: string): Promise<string[]> {
  await inside(root, directory);
  const names = await answered(directory, readdir(join(root, directory))).catch(unreadable(directory));
  return names.filter((name) => ENDING.test(name) && !name.startsWith('.')).map((name) => posix.join(directory, name));
}

/**
 * Where a file really stands.
 *
 * @param name relative to the import directory
 * @throws SourceRefusedError if that is outside the import directory, or is no regular file
 */
async function locate(importDirectory: string, name: string): Promise<string> {
  const path = await inside(await rootOf(importDirectory), name);
  const found = await answered(name, stat(path)).catch(unreadable(name));
  if (found.isDirectory()) refuse(`names "${name}", which is a directory; rename it or name the files in it`);
  return found.isFile() ? path : refuse(`names "${name}", which is not a regular file`);
}

async function inside(root: string, name: string): Promise<string> {
  const path = await answered(name, realpath(join(root, name))).catch(unreadable(name));
  return isWithin(root, path) ? path : leadsOutside(name);
}

const isWithin = (root: string, path: string): boolean =>
  path === root || path.startsWith(root.endsWith(sep) ? root : root + sep);

const leadsOutside = (name: string): never =>
  refuse(`names "${name}", a link that leads outside the import directory; copy the files there`);

/**
 * Opens a file of a resolved source.
 *
 * A directory on its path may be swapped for a link after the look and before the opening, so what counts is what was
 * opened: that is looked at again.
 *
 * @throws SourceRefusedError if it has become unfit since
 */
export async function openSourceFile(importDirectory: string, name: string): Promise<FileHandle> {
  const path = await locate(importDirectory, name);
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const opening = open(path, flags);
  const handle = await answered(name, opening).catch((error: Error) => {
    // One that is opened after all is of no use to anybody.
    opening.then(close, () => undefined);
    return unreadable(name)(error);
  });
  try {
    await assertInside(await rootOf(importDirectory), name, handle);
    return handle;
  } catch (error) {
    await close(handle);
    throw error;
  }
}

async function assertInside(root: string, name: string, handle: FileHandle): Promise<void> {
  const opened = await answered(name, handle.stat({ bigint: true })).catch(unreadable(name));
  if (!opened.isFile()) refuse(`names "${name}", which is not a regular file`);
  const path = await pathOf(handle);
  if (path !== undefined) {
    if (!isWithin(root, path)) leadsOutside(name);
    return;
  }
  const now = await answered(name, stat(await inside(root, name), { bigint: true })).catch(unreadable(name));
  if (now.ino !== opened.ino || now.dev !== opened.dev)
    refuse(`names "${name}", which was replaced while it was opened`);
}

/** Where the kernel says that an open file is; undefined where it does not say so (only Linux does). */
const pathOf = (handle: FileHandle): Promise<string | undefined> =>
  readlink(`/proc/self/fd/${handle.fd}`).catch(() => undefined);

const rootOf = (importDirectory: string): Promise<string> =>
  answered('the import directory', realpath(importDirectory)).catch((error: Error) => {
    if (error instanceof TransientError) throw error;
    return refuse('cannot be looked up, as the import directory does not exist');
  });

const unreadable =
  (name: string) =>
  (error: Error & { code?: string }): never => {
    if (error instanceof TransientError) throw error;
    if (isTransientIo(error)) throw new TransientError(error);
    return refuse(`names "${name}", which cannot be read (${error.code ?? error.message})`);
  };
