import type { LocalProcess } from '../../scripts/local/processes.js';

/** A route of Fastify. */
export interface Route {
  method: string;
  /** E.g. `/batch-job/:module_id`. */
  url: string;
}

/** Every route that a gateway serves, as logged at boot; it must log at level `debug`. */
export const routesOf = ({ lines }: LocalProcess): Route[] =>
  lines
    .filter((line) => line.includes('"msg":"Route"'))
    .map((line) => JSON.parse(line) as { method: string | string[]; url: string })
    .flatMap(({ method, url }) => [method].flat().map((each) => ({ method: each, url })));
