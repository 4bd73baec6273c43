import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

/** Runs `work` while no other process does. A lock whose holder has died is taken over. */
export async function withLock(path, work) {
  mkdirSync(dirname(path), { recursive: true });
  for (let announced = false; !take(path); announced = true) {
    const holder = holderOf(path);
    if (holder !== undefined && !isAlive(holder)) removeStale(path, holder);
    else {
      if (!announced) process.stderr.write(`Waiting for process ${holder}, which is installing or building …\n`);
      await pause(100);
    }
  }
  try {
    return await work();
  } finally {
    rmSync(path, { force: true });
  }
}

/** The lock file appears with its holder's pid in it, or not at all. */
function take(path) {
  const mine = `${path}.${process.pid}`;
  writeFileSync(mine, String(process.pid));
  try {
    linkSync(mine, path);
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  } finally {
    unlinkSync(mine);
  }
}

function holderOf(path) {
  try {
    return Number(readFileSync(path, 'utf8'));
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/** Removes a dead holder's lock. Of two processes that try, one renames it; if it has renamed a living holder's lock, it puts it back. */
function removeStale(path, holder) {
  const stale = `${path}.${process.pid}.stale`;
  try {
    renameSync(path, stale);
    if (holderOf(stale) !== holder) linkSync(stale, path);
  } catch (error) {
    if (error.code !== 'ENOENT' && error.code !== 'EEXIST') throw error;
  } finally {
    rmSync(stale, { force: true });
  }
}
