export { excerptOf, type FhirRow } from './fhir/fhir-row.js';
export type { GateOwner, Gates } from './gates.js';
export type { ItemTable } from './sink/item-table.js';
export { openFhirStore, type FhirStore, type FhirStoreOptions } from './store.js';
