import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { NODE_OPTIONS } from './apps.js';

const read = (file: string): string => readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8');
const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };

it.each(Object.entries(NODE_OPTIONS))('%s runs with the same options everywhere', (app, options) => {
  const program = ['node', ...options, `dist/apps/${app}/src/main.js`];
  expect(scripts[`start:${app}`]).toBe(`exec ${program.join(' ')}`);
  expect(read('docker/Dockerfile')).toContain(`CMD [${program.map((word) => `"${word}"`).join(', ')}]`);
});
