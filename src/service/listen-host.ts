import { isIP } from 'node:net'
import { wrongValue } from './environment-error.js'

/** The variables of a listener: its address and its port. */
interface Names { readonly host: 'HOST' | 'ADMIN_HOST', readonly port: 'PORT' | 'ADMIN_PORT' }

export const OF_CLIENTS: Names = { host: 'HOST', port: 'PORT' }
export const OF_ADMIN: Names = { host: 'ADMIN_HOST', port: 'ADMIN_PORT' }

/** Throws EnvironmentError for an address in brackets, and for one with a port. */
export function checkHost (value: string, names: Names): void {
  const [, bracketed, port] = /^\[([^\]]*)\](?::(\d+))?$/.exec(value) ?? []
  if (bracketed !== undefined) {
    const andPort = port === undefined ? '' : `, and its port in ${names.port}, ${names.port}=${port}`
    const remedy = `give the address without brackets, ${names.host}=${bracketed}${andPort}`
    throw wrongValue(names.host, value, `has brackets, which only a URL needs; ${remedy}`)
  }
  if (!value.includes(':') || isIP(value) !== 0) return
  const split = /^(.*):(\d+)$/.exec(value)
  if (split === null) throw wrongValue(names.host, value, `is no address; give one like 0.0.0.0 or ::, and the port in ${names.port}`)
  throw wrongValue(names.host, value, `has a port; give it in ${names.port}: ${names.host}=${split[1]} and ${names.port}=${split[2]}`)
}

/** What to add to the message about an IPv6 address that cannot be listened on: its last part may be meant for a port, as in ::1:8080. */
export function portInAddress (value: string, names: Names): string {
  const [, address, port] = /^(.+):(\d{1,5})$/.exec(value) ?? []
  if (address === undefined || isIP(value) !== 6 || isIP(address) !== 6) return ''
  return `; if ${port} is a port: ${names.host}=${address} and ${names.port}=${port}`
}
