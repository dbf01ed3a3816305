import type { HeaderRecord } from '../http/headers.js'

type HeaderValue = number | string | readonly string[] | undefined

/** Of Fastify's reply, the headers that hooks have put on it, or on node's response beneath. */
export interface HookedReply {
  getHeader (name: string): HeaderValue
  removeHeader (name: string): unknown
  readonly raw: { getHeader (name: string): HeaderValue }
}

/**
 * A backend's headers, met by those that hooks of the app have put on the reply: `Vary` says what both say, and the `Set-Cookie` lines of
 * both go out, the app's first. Of any other name the backend's takes the place of the app's, once it is applied. What is met is the
 * reply's no more, so that applying what is returned adds nothing twice.
 */
export function metHeaders (reply: HookedReply, headers: HeaderRecord): HeaderRecord {
  const vary = reply.getHeader('vary')
  const cookies = reply.getHeader('set-cookie')
  if (vary === undefined && cookies === undefined) return headers
  const met = { ...headers }
  if (vary !== undefined && met['vary'] !== undefined) met['vary'] = varyOf([...listed(vary), ...listed(met['vary'])])
  if (cookies !== undefined) {
    const beneath = reply.raw.getHeader('set-cookie')
    // Fastify tells of node's only where the reply has none.
    const own = beneath === undefined || beneath === cookies ? listed(cookies) : [...listed(beneath), ...listed(cookies)]
    met['set-cookie'] = [...own, ...listed(met['set-cookie'])]
    reply.removeHeader('set-cookie')
  }
  return met
}

const NAME = 'fastify.reply.headers'
let key: symbol | undefined

/**
 * Makes a record the headers of a reply that has none of its own so far, and tells whether it did. Fastify would copy them one by one, which with 40
 * lines takes a twentieth of a request's time. The record is the reply's from then on, and changes with it.
 *
 * False where the app has put headers on the reply, or where Fastify keeps them elsewhere one day: then they have to be set one by one.
 *
 * @param headers with names in lower case
 */
export function giveHeaders (reply: object, headers: HeaderRecord): boolean {
  key ??= Object.getOwnPropertySymbols(reply).find(({ description }) => description === NAME)
  if (key === undefined) return false
  const keeping = reply as Record<symbol, HeaderRecord | undefined>
  const own = keeping[key]
  if (own === undefined) return false
  for (const name in own) if (own[name] !== undefined) return false
  keeping[key] = headers
  return true
}

/**
 * Headers as an HTTP/2 response takes them: the lines of a name in one (RFC 9110 section 5.3), but for `Set-Cookie`. Node throws for two of
 * a name that it knows to have one value (`ETag`, `Location`, `Age` ...), as it writes the head, where nothing can catch it.
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

/** RFC 9110 section 12.5.5: names of headers, in any case; `*` says all there is to say. */
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
