import type { FhirStore } from '#fhir-store';

/** What a storage module offers its jobs. */
export interface JobModule {
  /** Absolute path; nothing outside it is ever read. */
  importDirectory: string;
  store: FhirStore;
  /** Longest accepted line of a source, in bytes. */
  maxLineBytes: number;
}
