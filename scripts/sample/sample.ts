import { createWriteStream, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { chanceFrom, type Chance } from './random.js';
import { condition, encounter, observation, patient, type Resource } from './resources.js';

const SEED = 20_210_529;

/** How many resources of each type the sample has: 50,000 in all. */
export const SAMPLE_COUNTS = { Patient: 5_000, Encounter: 12_500, Condition: 10_000, Observation: 22_500 } as const;

interface SampleFile {
  name: string;
  type: keyof typeof SAMPLE_COUNTS;
  /** Its share of the type's resources: this one of so many. */
  part: number;
  of: number;
}

const FILES: readonly SampleFile[] = [
  { name: 'conditions.ndjson.gz', type: 'Condition', part: 0, of: 1 },
  { name: 'encounters.ndjson', type: 'Encounter', part: 0, of: 1 },
  { name: 'observations-1.ndjson', type: 'Observation', part: 0, of: 2 },
  { name: 'observations-2.ndjson', type: 'Observation', part: 1, of: 2 },
  { name: 'patients.ndjson', type: 'Patient', part: 0, of: 1 },
];

/** Makes the sample's files in the directory, unless they are there. A directory that is there is whole. */
export async function makeSample(directory: string): Promise<void> {
  if (existsSync(directory)) return;
  const draft = `${directory}.new`;
  rmSync(draft, { recursive: true, force: true });
  mkdirSync(dirname(directory), { recursive: true });
  mkdirSync(draft);
  // One file after another: each draws the whole sequence again and keeps its share, so nothing is held in memory.
  for (const file of FILES) await writeFile(join(draft, file.name), linesOf(file));
  renameSync(draft, directory);
}

async function writeFile(path: string, lines: Iterable<string>): Promise<void> {
  const target = createWriteStream(path);
  const source = Readable.from(batched(lines));
  if (path.endsWith('.gz')) await pipeline(source, createGzip(), target);
  else await pipeline(source, target);
}

function* linesOf({ type, part, of }: SampleFile): Generator<string> {
  let index = 0;
  for (const resource of sampleResources(SEED)) {
    if (resource.resourceType !== type) continue;
    if (share(index, SAMPLE_COUNTS[type], of) === part) yield `${JSON.stringify(resource)}\n`;
    index += 1;
  }
}

/** Every resource of the sample, patient by patient: each with encounters, and what was found at them. */
export function* sampleResources(seed: number): Generator<Resource> {
  const chance = chanceFrom(seed);
  for (let index = 0; index < SAMPLE_COUNTS.Patient; index += 1) yield* recordOf(chance, index);
}

function* recordOf(chance: Chance, index: number): Generator<Resource> {
  const subject = patient(chance);
  yield subject;
  const encounters = times(dueAt(index, 'Encounter'), () => encounter(chance, subject));
  yield* encounters;
  yield* times(dueAt(index, 'Condition'), () => condition(chance, subject, chance.pick(encounters)));
  yield* times(dueAt(index, 'Observation'), () => observation(chance, subject, chance.pick(encounters)));
}

/** How many of this type the patient has, so that all of them have the total. */
function dueAt(index: number, type: keyof typeof SAMPLE_COUNTS): number {
  const before = (patients: number) => Math.floor((patients * SAMPLE_COUNTS[type]) / SAMPLE_COUNTS.Patient);
  return before(index + 1) - before(index);
}

/** Which of `of` equal parts of `total` the index falls into. */
const share = (index: number, total: number, of: number) => Math.floor((index * of) / total);

const times = <T>(count: number, make: () => T): T[] => Array.from({ length: count }, make);

/** Lines joined to pieces that are worth a write each. */
function* batched(lines: Iterable<string>): Generator<string> {
  let batch = '';
  for (const line of lines) {
    batch += line;
    if (batch.length < 65_536) continue;
    yield batch;
    batch = '';
  }
  yield batch;
}
