import type { RawRequestDefaultExpression } from 'fastify';

/** Paths that have no page below them. */
const FORGIVEN = /^(\/(?:batch-job|health)\/[^?]*[^/?])\/(?=\?|$)/;

/** The URL without one slash at the end of its path, where that has no meaning. */
export const withoutTrailingSlash = ({ url }: Pick<RawRequestDefaultExpression, 'url'>): string =>
  (url ?? '/').replace(FORGIVEN, '$1');
