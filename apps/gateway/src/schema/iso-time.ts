const MINUTE = 60_000;

const two = (n: number): string => String(n).padStart(2, '0');

/** `-04:00` of 240: minutes as `Date#getTimezoneOffset` gives them. */
function offsetText(minutesBehindUtc: number): string {
  const minutes = Math.abs(minutesBehindUtc);
  return `${minutesBehindUtc > 0 ? '-' : '+'}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
}

/**
 * A time as the contract writes it: ISO 8601 with milliseconds and the numeric offset of the process's time zone,
 * e.g. `2021-05-29T18:36:13.627-04:00`.
 *
 * @param time milliseconds since the epoch
 */
export function isoTime(time: number): string {
  const offset = new Date(time).getTimezoneOffset();
  return new Date(time - offset * MINUTE).toISOString().slice(0, -1) + offsetText(offset);
}

/** As {@link isoTime}; undefined stays undefined, so that JSON leaves the field out. */
export const isoTimeIfAny = (time: number | undefined): string | undefined =>
  time === undefined ? undefined : isoTime(time);
