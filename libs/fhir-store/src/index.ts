export { excerptOf, type FhirRow } from './fhir/fhir-row.js';
export type { Gates } from './gates.js';
export type { ItemTable } from './sink/item-table.js';
export { openFhirStore, type FhirStore, type FhirStoreOptions } from './store.js';
