import { setTimeout as pause } from 'node:timers/promises';
import { ProcessManager, type ProcessManagerOptions } from './process-manager.js';

const EXIT_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const PARENT_CHECK_MS = 1_000;
/** A second signal kills; but npm forwards a Ctrl-C that we have received too, within this time. In ms. */
const SECOND_SIGNAL_AFTER_MS = 1_000;

/**
 * Runs a script that starts processes, and exits when the script is done or a signal asks for it: whatever happens, all
 * processes are stopped first.
 *
 * @param work the script; after a signal it is no longer waited for
 * @param cleanUp runs once everything has stopped
 * @returns never: the exit code is that of the work, or `signalExitCode`, or 1 after an error, which is printed
 */
export async function runWithProcesses(
  options: ProcessManagerOptions & {
    /** Exit code after a signal. */
    signalExitCode: number;
  },
  work: (manager: ProcessManager) => Promise<number>,
  cleanUp: () => void = () => undefined,
): Promise<never> {
  const exiting = new AbortController();
  let manager: ProcessManager | undefined;
  let firstSignalAt = Infinity;
  const exit = () => {
    if (Date.now() - firstSignalAt > SECOND_SIGNAL_AFTER_MS) manager?.kill();
    firstSignalAt = Math.min(firstSignalAt, Date.now());
    exiting.abort();
  };
  for (const signal of EXIT_SIGNALS) process.on(signal, exit);
  // Writing to a closed terminal fails, which must not keep us from shutting down in order.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
  if (process.env.npm_lifecycle_event) void exitWithParent(exit);

  let exitCode = 1;
  try {
    manager = await ProcessManager.open(options);
    exitCode = await Promise.race([work(manager), aborted(exiting.signal)]);
  } catch (error) {
    if (exiting.signal.aborted) exitCode = options.signalExitCode;
    else options.say((error as Error).message);
  }
  if (exiting.signal.aborted) options.say('Stopping …');
  await manager?.stop();
  if (manager) cleanUp();
  process.exit(exitCode);
}

const aborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true }));

/** A killed npm sends no signal; but then our parent changes. */
async function exitWithParent(exit: () => void): Promise<void> {
  for (const parent = process.ppid; process.ppid === parent;) await pause(PARENT_CHECK_MS, undefined, { ref: false });
  exit();
}
