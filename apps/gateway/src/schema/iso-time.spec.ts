import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isoTime, isoTimeIfAny } from './iso-time.js';

const time = Date.UTC(2021, 4, 29, 22, 36, 13, 627);
let zone: string | undefined;

beforeEach(() => {
  zone = process.env['TZ'];
});
afterEach(() => {
  if (zone === undefined) delete process.env['TZ'];
  else process.env['TZ'] = zone;
});

describe('isoTime', () => {
  it.each([
    ['America/New_York', '2021-05-29T18:36:13.627-04:00'],
    ['UTC', '2021-05-29T22:36:13.627+00:00'],
    ['Asia/Kathmandu', '2021-05-30T04:21:13.627+05:45'],
    ['America/St_Johns', '2021-05-29T20:06:13.627-02:30'],
  ])('in %s is %s', (tz, text) => {
    process.env['TZ'] = tz;
    expect(isoTime(time)).toBe(text);
  });

  it('follows the zone’s own change of time', () => {
    process.env['TZ'] = 'America/New_York';
    expect(isoTime(Date.UTC(2021, 0, 1))).toBe('2020-12-31T19:00:00.000-05:00');
  });

  it('leaves a time that is not there out', () => {
    expect(isoTimeIfAny(undefined)).toBeUndefined();
  });
});
