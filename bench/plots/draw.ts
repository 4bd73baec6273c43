import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../../scripts/local/paths.js';
import type { Bench } from '../bench.js';
import type { Circumstances } from '../report.js';
import { CURVES } from './curves.js';
import { svgOf } from './svg.js';

/** Measures every curve and draws it into docs/plots. */
export async function drawPlots(bench: Bench, facts: Circumstances, say: (line: string) => void): Promise<void> {
  const directory = join(ROOT, 'docs/plots');
  mkdirSync(directory, { recursive: true });
  for (const curve of CURVES) {
    const points = await curve.measure(bench);
    const file = join(directory, `${curve.name}.svg`);
    writeFileSync(file, svgOf(curve, points, `${facts.machine}; ${facts.date.slice(0, 10)}; ${facts.command}`));
    say(`${file}: ${points.map(({ x, y }) => `${x} → ${y.toPrecision(4)}`).join(', ')}`);
  }
}
