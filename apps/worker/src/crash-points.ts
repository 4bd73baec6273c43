import { CRASH_POINTS, onCrashPoint, type CrashPoint } from '#job-kit';

/**
 * For crash tests: `CRASH_AT=committed-not-mirrored` (or `…:3` for the third time) has the process kill itself there.
 * Without that variable nothing listens.
 *
 * @throws Error if there is no such point
 */
export function armCrashPoint(setting: string | undefined): void {
  if (!setting) return;
  const [name, times = '1'] = setting.split(':');
  if (!CRASH_POINTS.includes(name as CrashPoint)) {
    throw new Error(`CRASH_AT: there is no crash point ${name}. There are: ${CRASH_POINTS.join(', ')}.`);
  }
  let left = Number(times);
  onCrashPoint((point) => {
    if (point === name && --left === 0) process.kill(process.pid, 'SIGKILL');
  });
}
