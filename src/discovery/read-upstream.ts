import { isIP } from 'node:net'
import { optionError } from '../errors.js'
import type { GivenOrigin, UpstreamOption } from '../options/upstream-option.js'
import { refuseUnknown } from '../options/unknown-names.js'
import { parseUpstream } from '../options/upstream.js'
import { isDiscoveryUrl, parseDiscoveryUrl } from './discovery-url.js'
import { ORIGIN_PLAN } from './endpoints-plan.js'
import type { EndpointsPlan } from './endpoints-plan.js'
import { readGivenList } from './given-list.js'

/** What an `upstream` means. */
export interface ReadUpstream {
  /** The logical origin: what `Host`, the name in the TLS handshake and the name of certificates are made from. */
  readonly origin: URL
  readonly socketPath: string | undefined
  readonly plan: EndpointsPlan
}

/**
 * Reads an `upstream` in any of its forms. Throws HOLDFAST_ERR_OPTION for what cannot be, and for what would not be sent.
 *
 * The logical origin of a list is that of its first URL, and a bare function's is `http:` with the first of `names` that can be a host.
 *
 * @param names what a bare function's endpoints may be called
 */
export function readUpstream (upstream: UpstreamOption, names: readonly string[], option = 'upstream'): ReadUpstream {
  if (isDiscoveryUrl(upstream)) {
    const url = parseDiscoveryUrl(upstream, option)
    return { origin: url.origin, socketPath: undefined, plan: { kind: 'url', url, upstream } }
  }
  if (typeof upstream === 'string') return { ...parseUpstream(upstream, option), plan: ORIGIN_PLAN }
  if (typeof upstream === 'function') {
    return { origin: originNamed(names), socketPath: undefined, plan: { kind: 'function', discover: upstream } }
  }
  if (isList(upstream)) return readList(upstream, option)
  refuseUnknown(upstream, ['origin', 'endpoints'], `${option}.`)
  const origin = readOrigin(upstream.origin, `${option}.origin`)
  const { endpoints } = upstream
  if (typeof endpoints === 'function') return { origin, socketPath: undefined, plan: { kind: 'function', discover: endpoints } }
  return { ...readList(endpoints, `${option}.endpoints`, origin.protocol), origin }
}

function isList (upstream: readonly unknown[] | GivenOrigin): upstream is readonly unknown[] {
  return Array.isArray(upstream)
}

function readList (list: readonly unknown[], option: string, protocol?: string): ReadUpstream {
  const { found, protocol: scheme } = readGivenList(list, option, protocol as 'http:' | 'https:' | undefined)
  const first = found[0]
  if (first === undefined) throw optionError(option, list, 'has no endpoint; give at least one, like [\'http://10.0.0.1:3000\']')
  // A plain URL is one endpoint whose name each dial resolves, whether in a list or not.
  const isPlain = list.length === 1 && typeof list[0] === 'string' && protocol === undefined
  const plan: EndpointsPlan = isPlain ? ORIGIN_PLAN : { kind: 'list', found }
  return { origin: new URL(`${scheme}//${first.id}`), socketPath: undefined, plan }
}

function readOrigin (value: unknown, option: string): URL {
  const { origin, socketPath } = parseUpstream(value, option)
  if (socketPath !== undefined) throw optionError(option, value, 'is a unix socket, which has one endpoint; give it alone, as upstream')
  const { pathname } = new URL(value as string)
  if (pathname === '/') return origin
  throw optionError(option, origin.origin + pathname, 'has a path, which would not be sent; leave it out, and give rewritePrefix')
}

function originNamed (names: readonly string[]): URL {
  return new URL(`http://${names.find(isHostName) ?? 'endpoints.internal'}`)
}

function isHostName (name: string): boolean {
  if (!/^[a-z\d](?:[a-z\d.-]*[a-z\d])?$/i.test(name) || !URL.canParse(`http://${name}`)) return false
  // The URL parser takes numbers for an IPv4 address.
  return isIP(new URL(`http://${name}`).hostname) === 0
}
