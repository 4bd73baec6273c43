import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { inChild } from '../child.js';
import type { Line } from '../line.js';
import { rounds, timed } from '../rounds.js';

const execute = promisify(execFile);

/** Both read from the page cache, which the first look at the files has filled. */
export const planningLine: Line = {
  name: 'planning',
  title: 'dividing the files into partitions',
  yardstick: 'wc -l',
  unit: 'MB/s',
  wanted: { of: 'ratio', atLeast: 0.5 },
  async measure(bench) {
    const { importDirectory, plain, bytes, files } = await bench.dataset();
    const rate = (ms: number) => bytes / 1_000 / ms;
    const countLines = () => execute('wc', ['-l', ...files]);
    await countLines();
    return rounds(bench.sizes.rounds, async () => {
      const yardstick = rate(await timed(countLines));
      const ours = rate(await inChild<number>('lines/plan-only', { importDirectory, source: plain }));
      return { ours, yardstick };
    });
  },
};
