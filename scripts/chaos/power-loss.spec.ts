import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { PowerLoss } from './power-loss.js';

const BARRIER = 'longshore:{persistence}:barrier';
const WAITED_FOR = `*3\r\n$3\r\nSET\r\n$31\r\n${BARRIER}\r\n$0\r\n\r\n`;

let directory: string;
let file: string;
let power: PowerLoss;

beforeEach(() => {
  vi.useFakeTimers();
  directory = mkdtempSync(join(tmpdir(), 'longshore-power-'));
  file = join(directory, 'appendonly.aof.1.incr.aof');
  writeFileSync(file, 'old');
  power = new PowerLoss(directory, BARRIER);
  vi.advanceTimersByTime(1_500);
});

afterEach(() => {
  power.end();
  vi.useRealTimers();
  rmSync(directory, { recursive: true });
});

describe('a loss of power', () => {
  it('takes what was written in the last second', () => {
    appendFileSync(file, 'new');
    expect(power.truncate(Date.now())).toBe(3);
    expect(readFileSync(file, 'utf8')).toBe('old');
  });

  it('leaves what stands before a barrier, which may have been waited for', () => {
    appendFileSync(file, `first${WAITED_FOR}second${WAITED_FOR}new`);
    expect(power.truncate(Date.now())).toBe(3);
    expect(readFileSync(file, 'utf8')).toBe(`oldfirst${WAITED_FOR}second${WAITED_FOR}`);
  });
});
