import { ON_CONFLICT, parse, type FhirRow } from '#fhir';
import { chunkStep, defineJob, tasklet, wholeNumber, type Job, type Partition } from '#job-kit';
import { z } from 'zod';
import type { JobModule } from '../module.js';
import { oneAfterTheOther } from './ahead.js';
import { refuseWhileHanging } from './answered.js';
import { GzipCursors } from './gzip-cursors.js';
import type { Line } from './lines.js';
import { openReader } from './reader.js';
import { resolveSource, SourceRefusedError } from './source.js';
import { SourceChecks } from './source-checks.js';
import { split } from './split.js';

const parameters = z.strictObject({
  /** A file, directory or glob below the module's import directory. */
  source: z.string().min(1, 'must not be empty').max(1_024, 'must have at most 1024 characters'),
  /** Rows in a chunk. */
  commitInterval: wholeNumber(1, 10_000).prefault('500'),
  rowsPerPartition: wholeNumber(1, 10_000_000).prefault('5000'),
  /** Bad rows an execution may set aside before it fails. */
  skipLimit: wholeNumber(0, 1_000_000_000).prefault('0'),
  /** Which of several versions of a resource stays. */
  onConflict: z.enum(ON_CONFLICT).default('source-order'),
  /** For people. */
  jobDescription: z.string().max(255, 'must have at most 255 characters').optional(),
});

type BulkImportParameters = z.output<typeof parameters>;

const STEP = 'bulkImportProcessingStep';

/** Imports FHIR resources from NDJSON files into the module's table `resource`, exactly once. */
export function bulkImportJob({ importDirectory, store, maxLineBytes }: JobModule): Job {
  const gzipCursors = new GzipCursors(importDirectory, maxLineBytes);
  const checks = new SourceChecks();

  return defineJob<BulkImportParameters>({
    name: 'bulkImportJob',
    parameters,
    check: ({ source }) => checks.run(() => faultsOf(importDirectory, source)),
    steps: [
      chunkStep<BulkImportParameters, Line, FhirRow>({
        name: STEP,
        commitInterval: (p) => p.commitInterval,
        skipLimit: (p) => p.skipLimit,
        plan: (context) => plan(importDirectory, context.parameters),
        read: (partition, position) => openReader({ importDirectory, maxLineBytes, gzipCursors }, partition, position),
        process: (line, { parameters: { onConflict } }) => parse(line, { maxLineBytes, onConflict }),
        sink: store.sink,
      }),
      tasklet<BulkImportParameters>({
        name: 'bulkImportCloseJobStep',
        async run(context) {
          context.setResult('totalsByResourceType', await store.totalsByResourceType(context.instanceUuid, STEP));
        },
      }),
    ],
  });
}

async function faultsOf(importDirectory: string, source: string) {
  try {
    await resolveSource(importDirectory, source);
    return [];
  } catch (error) {
    if (!(error instanceof SourceRefusedError)) throw error;
    return [{ field: 'source', message: error.fault }];
  }
}

/** Files divided while the one before is: a gzip file takes as long as decompressing it, in a thread of its own. */
const FILES_AHEAD = 3;

async function* plan(
  importDirectory: string,
  { source, rowsPerPartition }: BulkImportParameters,
): AsyncIterable<Partition> {
  refuseWhileHanging();
  const files = await resolveSource(importDirectory, source);
  const shares = files.map((file, index) => split(importDirectory, file, `FILE${index}`, rowsPerPartition));
  yield* oneAfterTheOther(shares, FILES_AHEAD);
}
