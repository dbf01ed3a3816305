import { isIP, isIPv4 } from 'node:net'
import { optionError } from '../errors.js'
import { checkGroup, merged } from '../options/groups.js'
import type { AdminOptions } from '../options/option-types.js'
import { defaultsOf } from '../options/table.js'

export interface ResolvedAdminOptions {
  readonly port: number
  readonly host: string
  readonly token: string | undefined
  readonly allowedHosts: readonly string[]
  readonly required: boolean
}

/**
 * The options with their defaults. Throws HOLDFAST_ERR_OPTION for a value that is not possible, and for a host that other machines can
 * reach where there is no token. Every account of this machine gets in without one.
 */
export function adminOptions (given: AdminOptions): ResolvedAdminOptions {
  checkGroup(given, 'admin')
  const { port, host, token, allowedHosts, required } = merged<Partial<AdminOptions>>(defaultsOf('admin'), given) as ResolvedAdminOptions
  if (token === undefined && !isLoopback(host)) {
    throw optionError('admin.host', host, 'is not this machine alone; give a token too, or leave the host at 127.0.0.1')
  }
  return Object.freeze({ port, host, token, allowedHosts: [...allowedHosts], required })
}

/** Whether only this machine can connect to the host. A name other than localhost may stand for any address. */
export function isLoopback (host: string): boolean {
  return host.toLowerCase() === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'))
}

/** Whether a server on this host listens on all addresses of the machine. */
export function isWildcard (host: string): boolean {
  return host === '0.0.0.0' || host === '::'
}

/** Whether two listeners on these hosts may need the same address; undefined is a host that is not known. */
export function mayOverlap (one: string, other: string | undefined): boolean {
  const certain = [one, other].every(host => host !== undefined && isIP(host) !== 0 && !isWildcard(host))
  return !certain || one === other
}
