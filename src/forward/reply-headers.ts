import type { HeaderRecord } from '../http/headers.js'

type HeaderValue = number | string | readonly string[] | undefined

/** The headers that hooks have put on Fastify's reply, or on Node's response beneath it. */
export interface HookedReply {
  getHeader (name: string): HeaderValue
  removeHeader (name: string): unknown
  readonly raw: { getHeader (name: string): HeaderValue }
}

/**
 * Joins a backend's headers with those that hooks of the app have put on the reply. `Vary` gets the names of both. The `Set-Cookie` lines
 * of both go out, the app's first. Any other header of the backend's replaces the app's, once the caller applies it. The reply loses its
 * `Set-Cookie` lines here, so that applying the result adds none twice.
 */
export function metHeaders (reply: HookedReply, headers: HeaderRecord): HeaderRecord {
  const vary = reply.getHeader('vary')
  const cookies = reply.getHeader('set-cookie')
  if (vary === undefined && cookies === undefined) return headers
  const met = { ...headers }
  if (vary !== undefined && met['vary'] !== undefined) met['vary'] = varyOf([...listed(vary), ...listed(met['vary'])])
  if (cookies !== undefined) {
    const beneath = reply.raw.getHeader('set-cookie')
    // Fastify's `getHeader` answers with Node's only where the reply has none.
    const own = beneath === undefined || beneath === cookies ? listed(cookies) : [...listed(beneath), ...listed(cookies)]
    met['set-cookie'] = [...own, ...listed(met['set-cookie'])]
    reply.removeHeader('set-cookie')
  }
  return met
}

/**
 * A copy of a response's headers with one more `Set-Cookie` line behind those that it has. A copy, since a function of the app may have made
 * the record, and may use it for the responses of other clients too; its names may be in any case.
 */
export function withCookie (headers: HeaderRecord, line: string): HeaderRecord {
  const out: HeaderRecord = {}
  const lines: string[] = []
  for (const name of Object.keys(headers)) {
    if (name.toLowerCase() === 'set-cookie') lines.push(...listed(headers[name]))
    else out[name] = headers[name]!
  }
  out['set-cookie'] = [...lines, line]
  return out
}

/**
 * Headers for an HTTP/2 response: the lines of each name are joined into one (RFC 9110 section 5.3), except for `Set-Cookie`. Node throws
 * for two lines of a header that it knows to have one value (`ETag`, `Location`, `Age` ...), while it writes the head, where nothing can
 * catch the error.
 */
export function joinedHeaders (headers: HeaderRecord): HeaderRecord {
  let joined = headers
  for (const name in headers) {
    const value = headers[name]
    if (typeof value !== 'object' || name === 'set-cookie') continue
    if (joined === headers) joined = { ...headers }
    joined[name] = value.join(', ')
  }
  return joined
}

/** Joins lines of `Vary`, whose names have any case. With `*` no other name matters. RFC 9110 section 12.5.5. */
function varyOf (lines: readonly string[]): string {
  const names = new Map<string, string>()
  for (const name of lines.join(',').split(',').map(member => member.trim())) {
    if (name === '*') return '*'
    if (name !== '' && !names.has(name.toLowerCase())) names.set(name.toLowerCase(), name)
  }
  return [...names.values()].join(', ')
}

function listed (value: HeaderValue): string[] {
  if (value === undefined) return []
  return typeof value === 'object' ? [...value] : [String(value)]
}
