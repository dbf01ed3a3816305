import { HoldfastError } from '../errors.js'
import { withParameters } from '../quirks/http-proxy.js'

export type Parameters = Readonly<Record<string, unknown>>

// To browsers, which read a backslash as a slash and take tabs out.
const NAMES_HOST = /^\/\t*[/\\]/

// What a decoded parameter would make of the path that it is put into: another segment, a query, a fragment, an escape; a dot that goes away with its
// segment, a space that goes away at an end. String.replace, which puts it there, has patterns of its own.
const NO_SEGMENT = /^\.{0,2}$|[/?#\\%\p{Cc}]| $|\$[$&`']/u

/**
 * Throws HOLDFAST_ERR_BAD_REQUEST for a parameter of the path that is used in `rewritePrefix` and is no plain segment: @fastify/http-proxy puts its
 * decoded value there, and the backend would be asked for another path than the one that the app has let through.
 */
export function refuseParameters (rewritePrefix: string, parameters: Parameters): void {
  for (const [name, value] of Object.entries(parameters)) {
    if (!rewritePrefix.includes(`:${name}`)) continue
    const text = typeof value === 'string' ? value : ''
    // They are replaced one after another.
    const names = Object.keys(parameters).some(other => text.includes(`:${other}`))
    if (names || NO_SEGMENT.test(text)) {
      throw new HoldfastError('HOLDFAST_ERR_BAD_REQUEST', { message: `The request's path has a ${name} that is no plain segment` })
    }
  }
}

/** The prefix at the backend of a request with these parameters, as @fastify/http-proxy has it and as it is written in a request. */
export function prefixAtBackend (rewritePrefix: string, parameters: Parameters): string {
  return new URL(withParameters(rewritePrefix, parameters), 'http://localhost').pathname
}

/** What stands for the prefix of a route in the path of a request. */
export function prefixInPath (prefix: string, url: string): string {
  const segments = withoutLastSlash(prefix).split('/').length
  return url.split('?', 1)[0]!.replaceAll(/\/{2,}/g, '/').split('/', segments).join('/')
}

/**
 * A Location of a backend, as it is for the client: an absolute path that begins with the backend's prefix, up to the end of a segment, begins with the
 * client's in its place. Everything else stays: other schemes, `//host`, relative references, and whatever stands behind. RFC 9110 section 10.2.2.
 */
export function localizedLocation (location: string, atBackend: string, prefix: string): string {
  if (!location.startsWith('/') || NAMES_HOST.test(location)) return location
  const from = withoutLastSlash(atBackend === '' || atBackend.startsWith('/') ? atBackend : `/${atBackend}`)
  if (!location.startsWith(from)) return location
  const rest = location.slice(from.length)
  if (rest !== '' && !/^[/?#]/.test(rest)) return location
  const to = withoutLastSlash(prefix)
  if (to !== '') return to + rest
  if (!rest.startsWith('/')) return `/${rest}`
  // Bare, it would name a host. RFC 3986 section 4.2 has the dot for it.
  return NAMES_HOST.test(rest) ? `/.${rest}` : rest
}

function withoutLastSlash (path: string): string {
  return path.endsWith('/') ? path.slice(0, -1) : path
}
