import type { IncomingMessage } from 'node:http'

// Of these headers, Node keeps the first line only. It joins the lines of all others, and of these too with `joinDuplicateHeaders`.
const FIRST = ['age', 'authorization', 'content-length', 'content-type', 'etag', 'expires', 'from', 'host', 'if-modified-since',
  'if-unmodified-since', 'last-modified', 'location', 'max-forwards', 'proxy-authorization', 'referer', 'retry-after', 'user-agent']
const FIRST_HTTP1 = new Set([...FIRST, 'server'])
const FIRST_HTTP2 = new Set([...FIRST, 'access-control-allow-credentials', 'access-control-max-age', 'access-control-request-method',
  'content-encoding', 'content-language', 'content-location', 'content-md5', 'content-range', 'date', 'dnt', 'if-match', 'if-none-match',
  'if-range', 'range', 'tk', 'upgrade-insecure-requests', 'x-content-type-options'])

/**
 * The value that Node makes in `headers` from the lines of one name. Node's docs have this rule for HTTP/1, and none for HTTP/2. If a
 * later version has another rule, a header that came twice counts as one that a hook has set, and is sent as `headers` has it.
 *
 * @param name in lower case
 * @param values one for each line, at least one
 * @param from `http2`: whether the lines came over HTTP/2; `joined`: whether the server was made with `joinDuplicateHeaders`
 */
export function asNodeHas (name: string, values: string[], { http2, joined }: { http2: boolean, joined: boolean }): string | string[] {
  if (name === 'set-cookie') return values
  if (values.length === 1) return values[0]!
  if (!joined && (http2 ? FIRST_HTTP2 : FIRST_HTTP1).has(name)) return values[0]!
  return values.join(name === 'cookie' ? '; ' : ', ')
}

/**
 * Whether the server of a request was made with `joinDuplicateHeaders`. The request has a property of this name, which Node's docs do not
 * mention.
 */
export function joinsDuplicates (message: IncomingMessage): boolean {
  return (message as { joinDuplicateHeaders?: boolean | null }).joinDuplicateHeaders === true
}
