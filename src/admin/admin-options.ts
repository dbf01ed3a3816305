import { isIPv4 } from 'node:net'
import { HoldfastError, optionError } from '../errors.js'
import { refuseUnknown } from '../options/options.js'

/** Where the admin surface listens, and who may use it. */
export interface AdminOptions {
  /** 0 for any free one. */
  port: number
  /** An address or a host name of this machine's. 127.0.0.1. */
  host?: string
  /** What callers of the API prove themselves by, as `Authorization: Bearer <token>`. Must be given for a host that is not loopback. */
  token?: string
}

export interface ResolvedAdminOptions { readonly port: number, readonly host: string, readonly token: string | undefined }

// Whoever has an account on this machine is let in without a token; nobody on the network is.
const HOST = '127.0.0.1'
const HIGHEST_PORT = 65_535

/** The options with their defaults. Throws HOLDFAST_ERR_OPTION for one that cannot be. */
export function adminOptions (given: AdminOptions): ResolvedAdminOptions {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) throw optionError('admin', given, 'must be an object with a port')
  refuseUnknown(given, ['port', 'host', 'token'], 'admin.')
  const { port, host = HOST, token } = given
  if (!Number.isInteger(port) || port < 0 || port > HIGHEST_PORT) throw optionError('admin.port', port, `is no port; give a whole number from 0 to ${HIGHEST_PORT}, 0 for any free one`)
  if (typeof host !== 'string' || !/^[^\s/,]+$/.test(host)) throw optionError('admin.host', host, 'is no address or host name')
  // Not repeated: it is a secret, and this is going to be logged.
  if (token !== undefined && !isSendable(token)) throw new HoldfastError('HOLDFAST_ERR_OPTION', { message: 'admin.token: must be a string of printable ASCII characters without spaces' })
  if (token === undefined && !isLoopback(host)) throw optionError('admin.host', host, 'is not this machine alone; give a token too, or leave the host at 127.0.0.1')
  return Object.freeze({ port, host, token })
}

/** Whether nobody but this machine can connect to that host. A name other than localhost may mean anything. */
export function isLoopback (host: string): boolean {
  return host.toLowerCase() === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'))
}

/** Whether it can stand in a header. */
export function isSendable (token: unknown): boolean {
  return typeof token === 'string' && /^[\x21-\x7e]+$/.test(token)
}
