import { writeSync } from 'node:fs';

/**
 * The moments of an execution's life at which a death hurts most, named once. In production nothing listens and
 * {@link reach} does nothing; the crash tests have a process kill itself, or fall asleep, at one of them.
 */
export const CRASH_POINTS = [
  'launched-not-queued',
  'plan-half-stored',
  'planned-not-dispatched',
  'rows-written-not-committed',
  'committed-not-mirrored',
  'finished-not-announced',
  'step-done-not-continued',
  'closing',
] as const;

export type CrashPoint = (typeof CRASH_POINTS)[number];

/** What may happen there: a death that nothing can catch, or a sleep until SIGCONT. */
const MODES = { kill: 'SIGKILL', stop: 'SIGSTOP' } as const;

let listener: ((point: CrashPoint) => void) | undefined;

/** Says that the process is at this point. */
export const reach = (point: CrashPoint): void => listener?.(point);

/**
 * For crash tests: `committed-not-mirrored` has the process kill itself there, `committed-not-mirrored:3` at the third
 * time, `committed-not-mirrored:3:stop` has it fall asleep instead. It says so on standard error first.
 *
 * @param setting the variable CRASH_AT; without it nothing listens
 * @throws Error if there is no such point, or the setting cannot be read
 */
export function armCrashPoint(setting: string | undefined): void {
  if (!setting) return;
  const [name, times = '1', mode = 'kill'] = setting.split(':');
  const signal = MODES[mode as keyof typeof MODES];
  if (!CRASH_POINTS.includes(name as CrashPoint)) {
    throw new Error(`CRASH_AT: there is no crash point ${name}. There are: ${CRASH_POINTS.join(', ')}.`);
  }
  if (!/^[1-9]\d*$/.test(times) || signal === undefined)
    throw new Error(`CRASH_AT: ${setting} is not point:time:mode.`);
  let left = Number(times);
  listener = (point) => {
    if (point !== name || --left !== 0) return;
    writeSync(process.stderr.fd, `Crash point reached: ${setting}\n`);
    process.kill(process.pid, signal);
  };
}
