import helmet, { type FastifyHelmetOptions } from '@fastify/helmet';
import type { FastifyInstance } from 'fastify';
import { SWAGGER_UI } from '../openapi/openapi.js';
import { DASHBOARD } from '../dashboard/dashboard.js';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What the plugin says of this route only. */
    helmet?: FastifyHelmetOptions;
  }
}

/** JSON needs nothing; a browser that is tricked into rendering it may do nothing. */
const API_POLICY = { useDefaults: false, directives: { 'default-src': ["'none'"], 'frame-ancestors': ["'none'"] } };

/**
 * The two pages need helmet's defaults, but no other host: Bull Board loads fonts from one, which the browser
 * then refuses. Plain HTTP is served, so their parts must not be fetched by HTTPS.
 */
const PAGE_POLICY = {
  directives: {
    'style-src': ["'self'", "'unsafe-inline'"],
    'font-src': ["'self'", 'data:'],
    'upgrade-insecure-requests': null,
  },
};

/** Helmet's headers, for answers that are given before any hook runs: to what is not a request, or has an invalid path. */
export const BARE_HEADERS = {
  'Content-Security-Policy': "default-src 'none';frame-ancestors 'none'",
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
  'Strict-Transport-Security': 'max-age=31536000; includeSubDomains',
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'SAMEORIGIN',
} as const;

const isPage = (url: string): boolean =>
  [SWAGGER_UI, DASHBOARD].some((page) => url === page || url.startsWith(`${page}/`));

/** Puts helmet's headers on every answer. Register it before any route. */
export async function addSecurityHeaders(fastify: FastifyInstance): Promise<void> {
  fastify.addHook('onRoute', (route) => {
    if (isPage(route.url)) route.config = { ...route.config, helmet: { contentSecurityPolicy: PAGE_POLICY } };
  });
  await fastify.register(helmet, { contentSecurityPolicy: API_POLICY });
}
