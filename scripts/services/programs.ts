import { execFile } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';

/** Directories of system programs that may be missing from a user's PATH. */
const SYSTEM_DIRECTORIES = ['/usr/local/sbin', '/usr/sbin', '/sbin', '/opt/homebrew/bin'];

/** The full path of the first of these programs that is installed. */
export function findProgram(...names: readonly string[]): string | undefined {
  const directories = [...(process.env.PATH ?? '').split(delimiter).filter(Boolean), ...SYSTEM_DIRECTORIES];
  return names.flatMap((name) => directories.map((directory) => join(directory, name))).find(isProgram);
}

const execute = promisify(execFile);

/** Runs a program to its end. @returns its standard output @throws Error with its last output if it fails */
export async function run(program: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  try {
    return (await execute(program, [...args], { cwd: '/', maxBuffer: 64 * 1_048_576, ...options })).stdout;
  } catch (error) {
    const { message, stderr = '', stdout = '' } = error as Error & { stderr?: string; stdout?: string };
    const output = `${stdout}\n${stderr}`.trim().split('\n').slice(-8).join('\n');
    throw new Error(`${message.split('\n')[0]}\n${output}`, { cause: error });
  }
}

interface RunOptions {
  env?: NodeJS.ProcessEnv;
  uid?: number;
  gid?: number;
  /** In ms. */
  timeout?: number;
}

export const isRoot = (): boolean => process.getuid?.() === 0;

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
