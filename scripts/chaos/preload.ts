import { readFileSync } from 'node:fs';
import files, { type FileHandle } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { DISTURBANCE_FILE, IMPORT_DIRECTORY, type Disturbance } from './disturbance.js';

/**
 * Loaded by Node (`--import`) into a worker of the chaos run before anything else. It changes what the process believes
 * about time and how its files answer, by a file that the run writes; without the file nothing changes.
 */

const LOOK_EVERY_MS = 100;
/** What an import does with files, by `node:fs/promises` and by a handle. */
const CALLS = ['open', 'stat', 'lstat', 'readdir', 'realpath', 'access'] as const;
const CALLS_OF_A_HANDLE = ['read', 'stat'] as const;

const { [DISTURBANCE_FILE]: file = '', [IMPORT_DIRECTORY]: importDirectory = '' } = process.env;
let current: Disturbance = {};
const waiting = new Set<() => void>();

function look(): void {
  try {
    current = JSON.parse(readFileSync(file, 'utf8')) as Disturbance;
  } catch {
    current = {};
  }
  if (current.hangsReads === true) return;
  for (const goOn of waiting) goOn();
  waiting.clear();
}

function shiftDate(): void {
  const Real = Date;
  const now = (): number => Real.now() + (current.clockMs ?? 0);
  globalThis.Date = new Proxy(Real, {
    construct: (target, args: unknown[], newTarget) =>
      Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget) as Date,
    apply: () => new Real(now()).toString(),
    get: (target, name) => (name === 'now' ? now : (Reflect.get(target, name) as unknown)),
  });
}

/** A hung file system tells nothing: a call comes back only when it is well again. */
const wellAgain = (): Promise<void> =>
  current.hangsReads === true ? new Promise((resolve) => waiting.add(resolve)) : Promise.resolve();

type Call = (...args: unknown[]) => Promise<unknown>;

function hang<T extends object>(on: T, names: readonly (keyof T)[], applies: (path: unknown) => boolean): void {
  for (const name of names) {
    const real = (on[name] as Call).bind(on);
    const call: Call = async (...args) => {
      if (!applies(args[0])) return real(...args);
      await wellAgain();
      const answer = await real(...args);
      if (name === 'open') hang(answer as FileHandle, CALLS_OF_A_HANDLE, () => true);
      return answer;
    };
    on[name] = call as T[keyof T];
  }
}

look();
setInterval(look, LOOK_EVERY_MS).unref();
shiftDate();
hang(files, CALLS, (path) => typeof path === 'string' && path.startsWith(importDirectory));
syncBuiltinESMExports();
