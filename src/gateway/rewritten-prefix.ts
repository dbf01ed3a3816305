import { HoldfastError } from '../errors.js'
import { withParameters } from '../quirks/http-proxy.js'

export type Parameters = Readonly<Record<string, unknown>>

// Matches a path that names a host for browsers: they read a backslash as a slash, and remove tabs.
const NAMES_HOST = /^\/\t*[/\\]/

// Matches a decoded parameter that would change the path it is put into: it adds a segment, query, fragment or escape, is a dot segment, or
// ends with a space, which a URL drops at its end. `String.replace`, which @fastify/http-proxy uses, also gives `$` patterns a meaning.
const NO_SEGMENT = /^\.{0,2}$|[/?#\\%\p{Cc}]| $|\$[$&`']/u

/**
 * Throws HOLDFAST_ERR_BAD_REQUEST for a path parameter that is used in `rewritePrefix` and is not one plain segment. `@fastify/http-proxy`
 * inserts its decoded value, so the backend would get another path than the one that the app's checks have seen.
 */
export function refuseParameters (rewritePrefix: string, parameters: Parameters): void {
  for (const [name, value] of Object.entries(parameters)) {
    if (!rewritePrefix.includes(`:${name}`)) continue
    const text = typeof value === 'string' ? value : ''
    // Parameters are replaced one after another, so a value must not contain the name of another one.
    const names = Object.keys(parameters).some(other => text.includes(`:${other}`))
    if (names || NO_SEGMENT.test(text)) {
      throw new HoldfastError('HOLDFAST_ERR_BAD_REQUEST', { message: `The request's path has a ${name} that is no plain segment` })
    }
  }
}

/** The backend's prefix of a request with these parameters, computed as `@fastify/http-proxy` does, and encoded as in a request. */
export function prefixAtBackend (rewritePrefix: string, parameters: Parameters): string {
  return new URL(withParameters(rewritePrefix, parameters), 'http://localhost').pathname
}

/** The part of a request's path that matches the prefix of its route. */
export function prefixInPath (prefix: string, url: string): string {
  const segments = withoutLastSlash(prefix).split('/').length
  return url.split('?', 1)[0]!.replaceAll(/\/{2,}/g, '/').split('/', segments).join('/')
}

/**
 * The client's form of a backend's Location. In an absolute path that begins with the backend's prefix, as whole segments, the client's
 * prefix replaces it. Everything else stays: other schemes, `//host`, relative references, and the rest of the path. RFC 9110 section
 * 10.2.2.
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
  // Without the dot, `//` would name a host. RFC 3986 section 4.2 suggests a dot segment.
  return NAMES_HOST.test(rest) ? `/.${rest}` : rest
}

function withoutLastSlash (path: string): string {
  return path.endsWith('/') ? path.slice(0, -1) : path
}
