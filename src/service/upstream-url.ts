import { readDiscoveryUrl } from '../discovery/discovery-url.js'

const EXAMPLE = 'http://users:3000'
const QUERY = 'has an upstream with a query or fragment; give only origin and path'
const WITHOUT_BRACKETS = 'has an IPv6 address without brackets; write it like http://[::1]:3000'
const SCHEMES = /^(?:https?|wss?|(?:unix|dns|srv|kubernetes)\+https?)$/
// The longest path that the address of a unix socket has room for on Linux, in bytes.
const LONGEST_SOCKET_PATH = 107
const SOCKET_EXAMPLE = 'unix+http://%2Frun%2Fusers.sock/'

/** The scheme, what follows it up to its path, and the path, of a URL with discovery; undefined for any other. */
export function partsOfDiscovery (upstream: string): readonly [origin: string, path: string] | undefined {
  const [, origin, path] = /^((?:dns|srv|kubernetes)\+https?:\/\/[^/?#]*)([^?#]*)/i.exec(upstream) ?? []
  return origin === undefined || path === undefined ? undefined : [origin, path]
}

/**
 * What is wrong with one URL of an entry of UPSTREAMS, as the rest of a sentence; undefined for one that can be. Of the upstream
 * itself the sentence has at most a host and a port: the rest may be a secret.
 */
export function upstreamFault (upstream: string): string | undefined {
  if (upstream === '') return `has no upstream; give a URL, like ${EXAMPLE}`
  if (/^[=>~]/.test(upstream)) return `has more than a = between its prefix and its upstream; write it like /users=${EXAMPLE}`
  if (/^\/(?!\/)/.test(upstream)) return `has a path for its upstream; give a URL, like ${EXAMPLE}`
  const [, scheme, authority] = /^([a-z][a-z\d+.-]*):\/\/([^/\\?#]*)/i.exec(upstream) ?? []
  if (scheme === undefined || authority === undefined) return withoutScheme(upstream)
  if (/^unix$|\+unix$/i.test(scheme)) return `has a socket that is written in another way; write it like ${SOCKET_EXAMPLE}`
  if (!SCHEMES.test(scheme.toLowerCase())) {
    return 'has a scheme that backends are not reached by; give http:, https:, ws:, wss:, or one of unix+http:, dns+http:, srv+http: ' +
      'and kubernetes+http: (or +https:)'
  }
  const url = URL.canParse(upstream) ? new URL(upstream) : undefined
  if (authority.includes('@') || (url?.username ?? '') !== '' || (url?.password ?? '') !== '') {
    return 'has an upstream with a user or password in its URL, which would not be sent; leave them out'
  }
  const discovery = partsOfDiscovery(upstream)
  if (discovery !== undefined) return /[?#]/.test(upstream) ? QUERY : discoveryFault(discovery[0])
  const fault = /^unix/i.test(scheme) ? socketFault(authority) : authorityFault(authority)
  if (fault !== undefined) return fault
  if (url === undefined) return `has an upstream that is no URL; give one like ${EXAMPLE}`
  return url.search !== '' || url.hash !== '' ? QUERY : undefined
}

class Fault extends Error {}

function discoveryFault (origin: string): string | undefined {
  try {
    readDiscoveryUrl(origin, fault => { throw new Fault(fault) })
    return undefined
  } catch (error) {
    if (error instanceof Fault) return error.message
    throw error
  }
}

function withoutScheme (upstream: string): string {
  if (/^unix:/i.test(upstream)) return `has a socket that is written in another way; write it like ${SOCKET_EXAMPLE}`
  if (/^(?:https?|wss?):/i.test(upstream)) return `has no // behind its scheme; write it like ${EXAMPLE}`
  if (/^unix\+https?:/i.test(upstream)) return `has no // behind its scheme; write it like ${SOCKET_EXAMPLE}`
  const host = upstream.replace(/^\/\//, '')
  return `has an upstream without a scheme; write ${/^[\w.-]+(?::\d+)?\/?$/.test(host) ? `http://${host}` : `it like ${EXAMPLE}`}`
}

function authorityFault (authority: string): string | undefined {
  if (authority === '' || authority.startsWith(':')) {
    return /^:.*:/.test(authority) ? WITHOUT_BRACKETS : `has an upstream without a host; give one like ${EXAMPLE}`
  }
  // As in http://http://users:3000
  if (/^(?:https?|wss?):$/i.test(authority)) return `has a scheme twice; write it like ${EXAMPLE}`
  if (authority.startsWith('[')) {
    if (authority.includes('%')) {
      return 'has an IPv6 address with a zone, which no URL can have; give an address without one, or a host name'
    }
    if (!authority.includes(']')) return 'has an IPv6 address with one bracket; write it like http://[::1]:3000'
  } else if (/:.*:/.test(authority)) {
    return WITHOUT_BRACKETS
  }
  const port = /:([^:\]]*)$/.exec(authority)?.[1]
  if (port === undefined || port === '') return undefined
  if (!/^\d+$/.test(port)) return 'has a port that is no number; ports are 1 to 65535'
  return Number(port) >= 1 && Number(port) <= 65_535 ? undefined : 'has a port that is out of range; ports are 1 to 65535'
}

function socketFault (authority: string): string | undefined {
  const path = decodedOf(authority)
  // A path of Windows' named pipes begins with two backslashes.
  if (path === undefined || !/^(?:\/|\\\\)/.test(path)) {
    return `has a socket whose path is not absolute, or not encoded; write each / of it as %2F, like ${SOCKET_EXAMPLE}`
  }
  return Buffer.byteLength(path) > LONGEST_SOCKET_PATH
    ? `has a socket whose path is longer than ${LONGEST_SOCKET_PATH} bytes; give a shorter one`
    : undefined
}

function decodedOf (text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}
