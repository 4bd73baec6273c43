import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { runWithProcesses } from '../local/lifetime.js';
import { dataDirectory } from '../local/paths.js';
import type { ProcessManager } from '../local/process-manager.js';
import type { Listed } from './answer.js';
import { ChaosFleet } from './fleet.js';
import { Journal } from './journal.js';
import { connectionsLeft, leaksOf, unsettledIn } from './leaks.js';
import { planOf } from './plan.js';
import { report } from './report.js';
import { Run } from './run.js';

/** Within this time after the last fault every execution must have ended, in ms. */
const IDLE_WITHIN_MS = 90_000;
/** Within this time everything that can be restarted must have COMPLETED, in ms. */
const COMPLETED_WITHIN_MS = 180_000;
const LOOK_EVERY_MS = 300;

const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '2' }, seed: { type: 'string', default: String(Date.now() % 1e6) } },
});
const minutes = Number(values.minutes);
const seed = Number(values.seed);
const say = (line: string) => void process.stdout.write(`${line}\n`);

async function chaos(manager: ProcessManager): Promise<number> {
  const journal = new Journal(join(directory, `events-${seed}.log`), say);
  journal.announce(`chaos: ${minutes} minutes, seed ${seed}; events in ${journal.path}`);
  const fleet = await ChaosFleet.start(manager, directory, journal);
  const run = new Run(fleet, journal);
  const looking = run.look();
  journal.announce('The fleet is up.');
  await run.carryOut(planOf(seed, minutes * 60_000));
  journal.announce('The faults are over.');
  const idleAfterMs = await untilIdle(run, journal);
  await completeAll(run, journal);
  run.end();
  await looking;
  const all = await judge(run, fleet, journal);
  say(`\n${report({ seed, minutes, idleAfterMs, fromDisk: fleet.acknowledgesFromDisk }, journal, run, all)}\n`);
  for (const line of journal.violations) say(`VIOLATION ${line}`);
  await journal.close();
  fleet.close();
  return journal.violations.length === 0 ? 0 : 1;
}

/** Waits until no execution is running. @returns how long that took, in ms */
async function untilIdle(run: Run, journal: Journal): Promise<number> {
  const began = Date.now();
  for (;;) {
    const running = (await run.lookAtAll())?.filter((execution) => execution.running);
    if (running?.length === 0) return Date.now() - began;
    if (Date.now() - began > IDLE_WITHIN_MS) {
      const which = running?.map(({ id, status }) => `${id} ${status}`).join(', ') ?? 'the endpoint does not answer';
      journal.violation(`Executions are still running ${IDLE_WITHIN_MS} ms after the last fault: ${which}`);
      return Date.now() - began;
    }
    await pause(LOOK_EVERY_MS);
  }
}

/** Restarts what can be restarted until everything has COMPLETED and is verified: no task may be stuck. */
async function completeAll(run: Run, journal: Journal): Promise<void> {
  const deadline = Date.now() + COMPLETED_WITHIN_MS;
  for (;;) {
    await run.lookAtAll();
    const open = run.tasks.open.filter(({ executions: [newest] }) => newest && newest.status !== 'ABANDONED');
    if (open.length + run.tasks.in('verified').length === 0) return;
    if (Date.now() > deadline) {
      const which = open.map(({ number, executions: [newest] }) => `task ${number}: ${newest?.id} ${newest?.status}`);
      journal.violation(`Not COMPLETED after ${COMPLETED_WITHIN_MS} ms: ${which.join(', ')}`);
      return;
    }
    for (const task of open) await run.restartIfEnded(task);
    await pause(LOOK_EVERY_MS);
  }
}

/** The final checks: all executions, and what is left behind. @returns every execution */
async function judge(run: Run, fleet: ChaosFleet, journal: Journal): Promise<Listed[]> {
  const unsettled = await unsettledIn(fleet);
  if (unsettled > 0) journal.violation(`The counts of ${unsettled} executions were never settled`);
  const all = (await run.lookAtAll()) ?? [];
  run.history.mustContain(new Set(all.map(({ executionUUID }) => executionUUID)));
  const numbers = new Set(all.map(({ id }) => id));
  if (numbers.size < all.length) journal.violation('Two executions have the same number');
  await run.verifyRest();
  for (const leak of await leaksOf(fleet)) journal.violation(`Leak: ${leak}`);
  await fleet.stopApps();
  for (const leak of await connectionsLeft(fleet)) journal.violation(`Leak: ${leak}`);
  return all;
}

const directory = join(dataDirectory(), 'chaos');
await runWithProcesses({ directory, restart: false, say, signalExitCode: 130 }, chaos);
