/** Who a caller claims to be. */
export interface Credentials {
  username: string;
  password: string;
}

/** Longest accepted header, in characters: bounds the work on what anybody may send. */
const MAX_HEADER = 1_024;

/** Reads an `Authorization` header of HTTP Basic (RFC 7617, UTF-8); undefined if it is not one. */
export function readBasic(header: string | undefined): Credentials | undefined {
  if (header === undefined || header.length > MAX_HEADER) return undefined;
  const encoded = /^Basic +([A-Za-z0-9+/]+={0,2})$/i.exec(header)?.[1];
  if (encoded === undefined) return undefined;
  const text = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  return colon < 0 ? undefined : { username: text.slice(0, colon), password: text.slice(colon + 1) };
}
