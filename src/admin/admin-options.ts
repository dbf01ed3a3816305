import { isIPv4 } from 'node:net'
import { optionError } from '../errors.js'
import { checkGroup, merged } from '../options/groups.js'
import type { AdminOptions } from '../options/option-types.js'
import { defaultsOf } from '../options/table.js'

export interface ResolvedAdminOptions { readonly port: number, readonly host: string, readonly token: string | undefined }

/**
 * The options with their defaults. Throws HOLDFAST_ERR_OPTION for one that cannot be, and for a host that others can reach without a token: every account of this
 * machine is let in without one, and the network is not.
 */
export function adminOptions (given: AdminOptions): ResolvedAdminOptions {
  checkGroup(given, 'admin')
  const { port, host, token } = merged<Partial<AdminOptions>>(defaultsOf('admin'), given) as AdminOptions & { host: string }
  if (token === undefined && !isLoopback(host)) throw optionError('admin.host', host, 'is not this machine alone; give a token too, or leave the host at 127.0.0.1')
  return Object.freeze({ port, host, token })
}

/** Whether nobody but this machine can connect to that host. A name other than localhost may mean anything. */
export function isLoopback (host: string): boolean {
  return host.toLowerCase() === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'))
}
