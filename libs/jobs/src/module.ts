import type { FhirStore } from '#fhir';
import type { NoopVersion } from './noop/noop-job.js';

/** What a storage module offers its jobs. */
export interface JobModule {
  /** Absolute path; nothing outside it is ever read. */
  importDirectory: string;
  store: FhirStore;
  /** Longest accepted line of a source, in bytes. */
  maxLineBytes: number;
  /** Version of `noopJob`, for tests of a mixed fleet. Default 1. */
  noopVersion?: NoopVersion;
}
