import type { TestDatabase } from './database.js';
import type { Resource } from './resources.js';

/** A value with the keys of all its objects in order, so that equal values have equal texts. */
export const canonical = (value: unknown): string => JSON.stringify(value, (_, inner: unknown) => inOrder(inner));

const inOrder = (value: unknown): unknown =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)))
    : value;

/** A row of the table `resource`, without its time. */
const rowText = (type: string, id: string, version: number, body: unknown): string =>
  `${type}/${id} version ${version}: ${canonical(body)}`;

/** The whole table as a multiset: a sorted list of texts. */
export async function storedRows(database: TestDatabase): Promise<string[]> {
  const rows = await database.query<{ resource_type: string; id: string; version_id: number; body: unknown }>(
    'SELECT resource_type, id, version_id, body FROM resource',
  );
  return rows.map((row) => rowText(row.resource_type, row.id, row.version_id, row.body)).toSorted();
}

/** What {@link storedRows} gives once these resources are stored, each in this version. */
export const rowsOf = (resources: readonly Resource[], version = 1): string[] =>
  resources.map((resource) => rowText(resource.resourceType, resource.id, version, resource)).toSorted();
