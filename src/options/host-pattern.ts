import { isIPv6 } from 'node:net'
import { bareHost } from '../http/bare-host.js'

/** The host and the port of a `Host` header. The name is as URL writes it: in lower case, an IPv6 address without brackets. */
export interface HostAndPort { readonly name: string, readonly port: number | undefined }

// URL alone would accept 'a/@127.0.0.1'.
const AUTHORITY = /^(?:[\w.-]+|\[[\da-f:.]+\])(?::(\d+))?$/i
const DEFAULT_PORTS = new Set([80, 443])

/** Reads a `Host` header; undefined for one that no client would send. */
export function readHost (given: string): HostAndPort | undefined {
  const match = AUTHORITY.exec(given)
  if (match === null || !URL.canParse(`http://${given}`)) return undefined
  const [, port] = match
  return { name: bareHost(new URL(`http://${given}`)), port: port === undefined ? undefined : Number(port) }
}

/** What is wrong with an entry of a list of allowed hosts, and the remedy; undefined where nothing is. */
export function hostPatternFault (pattern: string): string | undefined {
  if (pattern.includes('*')) {
    return 'has a wildcard; write .example.com for a name and all names below it, or give a token: with one, any Host is taken'
  }
  if (readPattern(pattern) !== undefined) return undefined
  return 'is no host name; give one like admin.example.com or admin.example.com:9901, without scheme and path'
}

/**
 * Whether a host is in the list. `.example.com` stands for that name and all names below it. An entry without a port allows every port. A
 * client leaves out a port that is the default of its scheme, which a proxy may have changed: no port stands for 80 and for 443.
 */
export function isAllowedHost ({ name, port }: HostAndPort, patterns: readonly string[]): boolean {
  return patterns.some(pattern => {
    const allowed = readPattern(pattern)
    if (allowed === undefined) return false
    if (allowed.port !== undefined && allowed.port !== port && !(port === undefined && DEFAULT_PORTS.has(allowed.port))) return false
    return name === allowed.name || (pattern.startsWith('.') && name.endsWith(`.${allowed.name}`))
  })
}

function readPattern (pattern: string): HostAndPort | undefined {
  return readHost(isIPv6(pattern) ? `[${pattern}]` : pattern.replace(/^\./, ''))
}
