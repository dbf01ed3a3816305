import type { IncomingMessage } from 'node:http'

// Of these Node keeps the first line; with `joinDuplicateHeaders`, and of all others, it joins the lines.
const FIRST = ['age', 'authorization', 'content-length', 'content-type', 'etag', 'expires', 'from', 'host', 'if-modified-since',
  'if-unmodified-since', 'last-modified', 'location', 'max-forwards', 'proxy-authorization', 'referer', 'retry-after', 'user-agent']
const FIRST_HTTP1 = new Set([...FIRST, 'server'])
const FIRST_HTTP2 = new Set([...FIRST, 'access-control-allow-credentials', 'access-control-max-age', 'access-control-request-method',
  'content-encoding', 'content-language', 'content-location', 'content-md5', 'content-range', 'date', 'dnt', 'if-match', 'if-none-match', 'if-range',
  'range', 'tk', 'upgrade-insecure-requests', 'x-content-type-options'])

/**
 * What Node makes in `headers` of the lines of one name. For HTTP/1 its docs have the rule; for HTTP/2 they have
 * none. Should a rule change, a name that came twice is taken for one that a hook has set, and is sent as `headers`
 * has it.
 *
 * @param name in lower case
 * @param values one a line, at least one
 * @param from the HTTP version that they came by; whether Node was told to join what it otherwise drops
 */
export function asNodeHas (name: string, values: string[], { http2, joined }: { http2: boolean, joined: boolean }): string | string[] {
  if (name === 'set-cookie') return values
  if (values.length === 1) return values[0]!
  if (!joined && (http2 ? FIRST_HTTP2 : FIRST_HTTP1).has(name)) return values[0]!
  return values.join(name === 'cookie' ? '; ' : ', ')
}

/**
 * Whether a message came to a server with `joinDuplicateHeaders`: the message has a property of that name, which is
 * in no docs.
 */
export function joinsDuplicates (message: IncomingMessage): boolean {
  return (message as { joinDuplicateHeaders?: boolean | null }).joinDuplicateHeaders === true
}
