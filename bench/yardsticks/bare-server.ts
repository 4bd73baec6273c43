import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { compiled } from '../../scripts/local/paths.js';
import type { BareList } from './bare-list.js';

/** Runs `work` while a bare Fastify serves `/list` in a process of its own. @param work gets its port */
export async function withBareList<T>(list: BareList, work: (port: number) => Promise<T>): Promise<T> {
  const child = spawn(process.execPath, [compiled('bench/yardsticks/bare-list.js'), JSON.stringify(list)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  try {
    const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
    return await work(Number(line));
  } finally {
    child.kill('SIGTERM');
    await ended;
  }
}
