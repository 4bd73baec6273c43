import { spawnSync } from 'node:child_process';
import { findProgram, isRoot, run } from './programs.js';

/** The user that PostgreSQL runs as. */
export interface SystemUser {
  uid: number;
  gid: number;
}

const NAME = 'postgres';

/**
 * PostgreSQL refuses to run as root, so root runs it as the user `postgres`, which is created if missing.
 *
 * @returns undefined where we are not root: PostgreSQL then runs as our own user
 */
export async function postgresUser(): Promise<SystemUser | undefined> {
  if (!isRoot()) return undefined;
  return (await lookUp()) ?? (await create());
}

/** Whether the user passes a test of test(1), e.g. `mayDo(user, '-x', path)`. */
export const mayDo = (user: SystemUser, test: '-r' | '-w' | '-x', path: string): boolean =>
  spawnSync('/bin/sh', ['-c', `test ${test} "$0"`, path], { cwd: '/', ...user }).status === 0;

async function lookUp(): Promise<SystemUser | undefined> {
  try {
    const [uid, gid] = await Promise.all([run('id', ['-u', NAME]), run('id', ['-g', NAME])]);
    return { uid: Number(uid), gid: Number(gid) };
  } catch {
    return undefined;
  }
}

async function create(): Promise<SystemUser> {
  const useradd = findProgram('useradd');
  if (useradd) await run(useradd, ['--system', '--user-group', '--no-create-home', '--shell', '/bin/false', NAME]);
  else await run('adduser', ['-S', '-D', '-H', NAME]);
  const user = await lookUp();
  if (!user) throw new Error(`PostgreSQL must not run as root, and the user ${NAME} could not be created.`);
  return user;
}
