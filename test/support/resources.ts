import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Resource } from '../../scripts/sample/resources.js';
import { sampleResources } from '../../scripts/sample/sample.js';

export type { Resource } from '../../scripts/sample/resources.js';

/** The first resources of a seeded sample: the same seed gives the same ones. No two have the same id. */
export function someResources(count: number, seed: number): Resource[] {
  const resources: Resource[] = [];
  for (const resource of sampleResources(seed)) {
    if (resources.length === count) break;
    resources.push(resource);
  }
  return resources;
}

/** A resource of few bytes, where only its key matters. */
export const tiny = (id: string, more: object = {}): Resource => ({ resourceType: 'Basic', id, ...more });

/** Resources whose ids are `<prefix>-0`, `<prefix>-1` and so on, in the order of their rows. */
export const numbered = (prefix: string, count: number): Resource[] =>
  Array.from({ length: count }, (_, row) => tiny(`${prefix}-${row}`, { row }));

export const ndjson = (resources: readonly unknown[]): string =>
  resources.map((resource) => `${JSON.stringify(resource)}\n`).join('');

/** Writes a source below the import directory; one that ends in `.gz` is compressed. */
export function writeSource(importDirectory: string, name: string, content: string | Buffer): void {
  const path = join(importDirectory, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, name.endsWith('.gz') ? gzipSync(content) : content);
}
