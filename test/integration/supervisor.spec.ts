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
import { Supervisor } from '../../scripts/local/supervisor.js';

let directory: string;
let said: string[];

beforeEach(() => {
  directory = join(inject('runsDirectory'), `supervisor-${randomUUID()}`);
  said = [];
});

afterEach(() => rmSync(directory, { recursive: true, force: true }));

const open = (revive: boolean) => Supervisor.open({ directory, revive, say: (line) => said.push(line) });

const isReady = (line: string) => line.startsWith('ready');

/** A process that says that it is ready, and stays until it is told to leave. */
function idler(name: string, stage: ProcessSpec['stage'] = 'worker', script = ''): ProcessSpec {
  const code = `${script}; setInterval(() => {}, 60_000); console.log('ready', process.pid)`;
  return { name, stage, command: process.execPath, args: ['-e', code], env: process.env, isReady };
}

/** The process of this name that takes the place of another one. */
const successorOf = (supervisor: Supervisor, { pid, spec }: LocalProcess): Promise<LocalProcess> =>
  new Promise((resolve) => {
    supervisor.onChange = () => {
      const now = supervisor.find(spec.name);
      if (now && now.pid !== pid) resolve(now);
    };
  });

describe('the supervisor', () => {
  it('starts a process again that was killed, and says why', async () => {
    const supervisor = await open(true);
    const first = await supervisor.start(idler('worker-1'));
    const successor = successorOf(supervisor, first);
    first.kill('SIGKILL');
    await (await successor).ready();
    await supervisor.stop();
    expect(said).toEqual([`worker-1 (process ${first.pid}) has ended: killed by SIGKILL. Starting it again.`]);
  });

  it('stops stage by stage: gateway, workers, Redis, PostgreSQL', async () => {
    const supervisor = await open(true);
    const ends: string[] = [];
    for (const stage of STAGES.toReversed()) {
      const child = await supervisor.start(idler(stage, stage));
      void child.exited.then(() => ends.push(stage));
    }
    await supervisor.stop();
    expect(ends).toEqual([...STAGES]);
  });

  it('stops a process that is frozen', async () => {
    const supervisor = await open(false);
    const child = await supervisor.start(idler('worker-1'));
    child.kill('SIGSTOP');
    await supervisor.stop();
    await expect(child.exited).resolves.toBe('killed by SIGTERM');
  });

  it('reports the last words of a process that ends before it is ready', async () => {
    const supervisor = await open(true);
    const spec = idler('worker-1', 'worker', `console.error('no settings'); process.exit(3)`);
    await expect(supervisor.start(spec)).rejects.toThrow('worker-1: exit code 3.\nno settings');
    await supervisor.stop();
  });

  it('has its directory to itself', async () => {
    const supervisor = await open(false);
    await expect(open(false)).rejects.toThrow(`already (process ${process.pid})`);
    await supervisor.stop();
    await (await open(false)).stop();
  });
});

/** Runs a supervisor with one worker in a process of its own, and kills it; with its guard, if told so. */
async function killedSupervisor(andGuard: boolean): Promise<ProcessRecord> {
  const script = `
    const { Supervisor } = await import(${JSON.stringify(compiled('scripts/local/supervisor.js'))});
    const supervisor = await Supervisor.open({ directory: ${JSON.stringify(directory)}, revive: true, say() {} });
    const [command, ...args] = ${JSON.stringify([process.execPath, ...idler('worker-1').args])};
    await supervisor.start({ name: 'worker-1', stage: 'worker', command, args, env: process.env, isReady: () => true });
    console.log(supervisor.guard.pid);`;
  const parent = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [output] = (await once(parent.stdout, 'data')) as [Buffer];
  const ledger = readFileSync(join(directory, 'processes.json'), 'utf8');
  const { processes } = JSON.parse(ledger) as { processes: [ProcessRecord] };
  if (andGuard) process.kill(Number(output.toString()), 'SIGKILL');
  parent.kill('SIGKILL');
  await once(parent, 'exit');
  return processes[0];
}

describe('a supervisor that is killed', () => {
  it('is followed by its processes', async () => {
    const worker = await killedSupervisor(false);
    await expect(hasEnded(worker, 10_000)).resolves.toBe(true);
  });

  it('together with its guard leaves them to the next supervisor of the directory', async () => {
    const worker = await killedSupervisor(true);
    expect(identify(worker.pid)).toMatchObject({ birth: worker.birth });
    const next = await open(false);
    expect(isAlive(worker)).toBe(false);
    await next.stop();
  });
});
