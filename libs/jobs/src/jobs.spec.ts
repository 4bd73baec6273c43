import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fhirStore, type FhirStore } from '#fhir';
import { openPostgres, type Postgres } from '#postgres';
import { LongshoreError } from '#domain';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { jobsOf } from './index.js';

let importDirectory: string;
let postgres: Postgres;
let store: FhirStore;

beforeAll(async () => {
  importDirectory = await mkdtemp(join(tmpdir(), 'longshore-'));
  await writeFile(join(importDirectory, 'a.ndjson'), '{}\n');
  const silent = { debug() {}, info() {}, warn() {}, error() {} };
  // Opens no connection before it is used, and these tests stop short of that.
  postgres = openPostgres({ databaseUrl: 'postgres://127.0.0.1:1/none', maxConnections: 1, log: silent });
  store = fhirStore(postgres);
});

afterAll(async () => {
  await postgres.close();
  await rm(importDirectory, { recursive: true });
});

const job = (name: string) => jobsOf({ importDirectory, store, maxLineBytes: 1_024 }).find(name)!;

describe('jobs', () => {
  it('are registered by name', () => {
    const { names } = jobsOf({ importDirectory, store, maxLineBytes: 1_024 });
    expect(names).toEqual(expect.arrayContaining(['bulkImportJob', 'noopJob']));
  });

  it('fill in their defaults', () => {
    expect(job('bulkImportJob').complete({ source: 'a.ndjson' })).toEqual({
      source: 'a.ndjson',
      commitInterval: '500',
      rowsPerPartition: '5000',
      skipLimit: '0',
      onConflict: 'source-order',
    });
    expect(job('noopJob').complete({})).toEqual({ partitions: '1', chunks: '1', busyMs: '0' });
  });

  it('name every bad parameter at once', async () => {
    const bad = {
      commitInterval: '0',
      rowsPerPartition: 'many',
      skipLimit: '-1',
      jobDescription: 'x'.repeat(256),
      colour: 'red',
    };
    const refusal = await job('bulkImportJob')
      .check(bad)
      .catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(LongshoreError);
    const { code, fields } = refusal as LongshoreError;
    expect(code).toBe('INVALID_PARAMETERS');
    expect(fields.map(({ field }) => field).toSorted()).toEqual([...Object.keys(bad), 'source'].toSorted());
  });

  it('bulkImportJob looks for its source before it starts', async () => {
    await expect(job('bulkImportJob').check({ source: 'a.ndjson' })).resolves.toBeUndefined();
    await expect(job('bulkImportJob').check({ source: 'b.ndjson' })).rejects.toThrow(
      'Parameters of bulkImportJob refused: source names nothing that exists; there is no "b.ndjson" in the import directory.',
    );
  });
});
