import type { FastifyRequest } from 'fastify';

/** What browsers say of requests that no other site has made: those of our own pages, and of the address bar. */
const OWN_SITE = ['same-origin', 'none'];

/** Methods that change nothing: browsers keep the answers from other sites. */
const SAFE_METHODS = ['GET', 'HEAD', 'OPTIONS'];

const DEFAULT_PORT: Readonly<Record<string, string>> = { 'http:': ':80', 'https:': ':443' };

/**
 * Whether a request would change something and comes from a browser that shows a page of another site. The user of that
 * browser may be logged in here, and it then sends their credentials along (CSRF).
 *
 * Every browser sends `Origin` with such a request, also from a form and without a body, and with HTTPS or on localhost
 * `Sec-Fetch-Site` too. A page can set neither header, nor leave it out. Programs send neither, and need not.
 *
 * @param allowedOrigins further origins that count as ours, e.g. `https://jobs.example.org`, where a proxy changes `Host`
 */
export function isCrossSite(
  { method, headers, host }: Pick<FastifyRequest, 'method' | 'headers' | 'host'>,
  allowedOrigins: readonly string[],
): boolean {
  if (SAFE_METHODS.includes(method)) return false;
  const { origin, 'sec-fetch-site': site } = headers;
  if (origin !== undefined && allowedOrigins.includes(origin)) return false;
  return (site !== undefined && !OWN_SITE.includes(String(site))) || (origin !== undefined && !isOwn(origin, host));
}

/** Compares hosts and ports only: behind a proxy with TLS the scheme of the request is not known. */
function isOwn(origin: string, host: string): boolean {
  if (!URL.canParse(origin)) return false;
  const url = new URL(origin);
  const own = host.toLowerCase();
  return own === url.host || (url.port === '' && own === `${url.host}${DEFAULT_PORT[url.protocol]}`);
}
