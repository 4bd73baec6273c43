import type { ModuleServices } from '../modules/modules.js';
import { described, text } from '../schema/schema.js';

/** What an operator should do something about, though nothing was refused. */
export const warning = described(text, 'Where no worker serves the module: work waits until one is started');

/**
 * Says so where no living worker serves a module. It is undefined, too, where that cannot be asked: what was carried out is
 * not reported as failed because of it.
 */
export async function nobodyThere({ id, fleet }: Pick<ModuleServices, 'id' | 'fleet'>): Promise<string | undefined> {
  return (await fleet.hasWorkers().catch(() => true)) ? undefined : warningOf(id);
}

export const warningOf = (moduleId: string): string =>
  `No worker serves module ${moduleId}: its executions wait until one is started.`;
