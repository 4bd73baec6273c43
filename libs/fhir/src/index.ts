export { excerptOf, type FhirRow } from './fhir-row.js';
export { fhirStore, type FhirStore } from './fhir-store.js';
export { ON_CONFLICT, type OnConflict } from './on-conflict.js';
export { parse, type SourceLine } from './parse.js';
