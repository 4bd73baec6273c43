import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { isAlive, identify } from '../../scripts/local/identity.js';
import { compiled } from '../../scripts/local/paths.js';
import type { LocalProcess, ProcessSpec } from '../../scripts/local/processes.js';
import { hasEnded, STAGES, type ProcessRecord } from '../../scripts/local/stages.js';
import { ProcessManager } from '../../scripts/local/process-manager.js';

let directory: string;
let said: string[];

beforeEach(() => {
  directory = join(inject('runsDirectory'), `manager-${randomUUID()}`);
  said = [];
});

afterEach(() => rmSync(directory, { recursive: true, force: true }));

const open = (restart: boolean) => ProcessManager.open({ directory, restart, say: (line) => said.push(line) });

const isReady = (line: string) => line.startsWith('ready');

/** A process that says that it is ready, and stays until it is told to leave. */
function idler(name: string, stage: ProcessSpec['stage'] = 'worker', script = ''): ProcessSpec {
  const code = `${script}; setInterval(() => {}, 60_000); console.log('ready', process.pid)`;
  return { name, stage, command: process.execPath, args: ['-e', code], env: process.env, isReady };
}

/** The process of this name that takes the place of another one. */
const successorOf = (manager: ProcessManager, { pid, spec }: LocalProcess): Promise<LocalProcess> =>
  new Promise((resolve) => {
    manager.onChange = () => {
      const now = manager.find(spec.name);
      if (now && now.pid !== pid) resolve(now);
    };
  });

describe('the manager', () => {
  it('starts a process again that was killed, and says why', async () => {
    const manager = await open(true);
    const first = await manager.start(idler('worker-1'));
    const successor = successorOf(manager, first);
    first.kill('SIGKILL');
    await (await successor).ready();
    await manager.stop();
    expect(said).toEqual([`worker-1 (process ${first.pid}) has ended: killed by SIGKILL. Starting it again.`]);
  });

  it('stops stage by stage: gateway, workers, Redis, PostgreSQL', async () => {
    const manager = await open(true);
    const ends: string[] = [];
    for (const stage of STAGES.toReversed()) {
      const child = await manager.start(idler(stage, stage));
      void child.exited.then(() => ends.push(stage));
    }
    await manager.stop();
    expect(ends).toEqual([...STAGES]);
  });

  it('stops a process that is frozen', async () => {
    const manager = await open(false);
    const child = await manager.start(idler('worker-1'));
    child.kill('SIGSTOP');
    await manager.stop();
    await expect(child.exited).resolves.toBe('killed by SIGTERM');
  });

  it('reports the last output of a process that ends before it is ready', async () => {
    const manager = await open(true);
    const spec = idler('worker-1', 'worker', `console.error('no settings'); process.exit(3)`);
    await expect(manager.start(spec)).rejects.toThrow('worker-1: exit code 3.\nno settings');
    await manager.stop();
  });

  it('has its directory to itself', async () => {
    const manager = await open(false);
    await expect(open(false)).rejects.toThrow(`already runs on ${directory} (process ${process.pid})`);
    await manager.stop();
    await (await open(false)).stop();
  });
});

/** Runs a process manager with one worker in a process of its own, and kills it; and its reaper, if asked to. */
async function killedManager(andReaper: boolean): Promise<ProcessRecord> {
  const script = `
    const { ProcessManager } = await import(${JSON.stringify(compiled('scripts/local/process-manager.js'))});
    const manager = await ProcessManager.open({ directory: ${JSON.stringify(directory)}, restart: true, say() {} });
    const [command, ...args] = ${JSON.stringify([process.execPath, ...idler('worker-1').args])};
    await manager.start({ name: 'worker-1', stage: 'worker', command, args, env: process.env, isReady: () => true });
    console.log(manager.reaper.pid);`;
  const parent = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [output] = (await once(parent.stdout, 'data')) as [Buffer];
  const pidFile = readFileSync(join(directory, 'processes.json'), 'utf8');
  const { processes } = JSON.parse(pidFile) as { processes: [ProcessRecord] };
  if (andReaper) process.kill(Number(output.toString()), 'SIGKILL');
  parent.kill('SIGKILL');
  await once(parent, 'exit');
  return processes[0];
}

describe('a manager that is killed', () => {
  it('takes its processes with it', async () => {
    const worker = await killedManager(false);
    await expect(hasEnded(worker, 10_000)).resolves.toBe(true);
  });

  it('leaves them to the next manager of the directory if its reaper is killed too', async () => {
    const worker = await killedManager(true);
    expect(identify(worker.pid)).toMatchObject({ startedAt: worker.startedAt });
    const next = await open(false);
    expect(isAlive(worker)).toBe(false);
    await next.stop();
  });
});
