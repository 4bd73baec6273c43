import { setTimeout as pause } from 'node:timers/promises';
import { Supervisor, type SupervisorOptions } from './supervisor.js';

const LEAVE_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const PARENT_LOOK_MS = 1_000;
const IMPATIENT_AFTER_MS = 1_000;

/**
 * Runs a script that has processes under supervision, and ends this process when it is done or asked to leave:
 * whatever happens, everything is stopped first.
 *
 * @param work the script; nothing waits for it any more after a wish to leave
 * @param tidyUp what is left to do when everything has stopped
 * @returns never: the exit code is that of the work, or `leaveCode`, or 1 after an error, which is printed
 */
export async function runSupervised(
  options: SupervisorOptions & {
    /** Exit code after a wish to leave. */
    leaveCode: number;
  },
  work: (supervisor: Supervisor) => Promise<number>,
  tidyUp: () => void = () => undefined,
): Promise<never> {
  const leaving = new AbortController();
  let supervisor: Supervisor | undefined;
  let firstAsked = Infinity;
  const leave = () => {
    // Who asks again cannot wait; but npm passes on at once the Ctrl-C that we have got as well.
    if (Date.now() - firstAsked > IMPATIENT_AFTER_MS) supervisor?.kill();
    firstAsked = Math.min(firstAsked, Date.now());
    leaving.abort();
  };
  for (const signal of LEAVE_SIGNALS) process.on(signal, leave);
  // A terminal that was closed takes no more words, which must not keep us from leaving in order.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
  if (process.env.npm_lifecycle_event) void leaveWithParent(leave);

  let exitCode = 1;
  try {
    supervisor = await Supervisor.open(options);
    exitCode = await Promise.race([work(supervisor), wishToLeave(leaving.signal)]);
  } catch (error) {
    if (leaving.signal.aborted) exitCode = options.leaveCode;
    else options.say((error as Error).message);
  }
  if (leaving.signal.aborted) options.say('Stopping …');
  await supervisor?.stop();
  if (supervisor) tidyUp();
  process.exit(exitCode);
}

const wishToLeave = (leaving: AbortSignal): Promise<never> =>
  new Promise((_, reject) => leaving.addEventListener('abort', () => reject(leaving.reason as Error), { once: true }));

/** npm that is killed tells nobody; but then we get another parent. */
async function leaveWithParent(leave: () => void): Promise<void> {
  for (const parent = process.ppid; process.ppid === parent;) await pause(PARENT_LOOK_MS, undefined, { ref: false });
  leave();
}
