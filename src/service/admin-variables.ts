import { isLoopback, mayOverlap } from '../admin/admin-options.js'
import { hostPatternFault } from '../options/host-pattern.js'
import type { AdminOptions } from '../options/option-types.js'
import { readAdminToken } from './admin-token.js'
import { EnvironmentError, wrongValue } from './environment-error.js'
import { OF_ADMIN, checkHost } from './listen-host.js'
import type { Values, VariableName } from './variables.js'

// They say how the admin surface is reached, so each of them expects that there is one.
const ONLY_WITH_PORT = ['ADMIN_HOST', 'ADMIN_TOKEN', 'ADMIN_TOKEN_FILE', 'ADMIN_ALLOWED_HOSTS'] as const satisfies VariableName[]
// The default of `admin.host`.
const HOST = '127.0.0.1'

/**
 * The options of the admin surface; undefined without ADMIN_PORT. Throws EnvironmentError for a value that is not possible.
 *
 * @param clients the values of HOST and PORT in effect
 */
export function readAdmin (values: Values, clients: { readonly host: string, readonly port: number }): AdminOptions | undefined {
  const { ADMIN_PORT: port, ADMIN_HOST: host } = values
  if (typeof port !== 'number') {
    const alone = ONLY_WITH_PORT.find(name => values[name])
    // The message does not show the value: it may be a secret.
    if (alone !== undefined) {
      throw new EnvironmentError(`${alone}: is set without ADMIN_PORT, so there is no admin surface; set ADMIN_PORT, or leave ${alone} out`)
    }
    return undefined
  }
  if (port !== 0 && port === clients.port && mayOverlap(host || HOST, clients.host)) {
    throw wrongValue('ADMIN_PORT', port, 'is the port of the clients too (PORT); give the admin surface a port of its own, like 9901')
  }
  if (host) checkHost(host, OF_ADMIN)
  const token = readAdminToken(values)
  if (host && token === undefined && !isLoopback(host)) {
    throw wrongValue('ADMIN_HOST', host, 'is not this machine alone; set ADMIN_TOKEN or ADMIN_TOKEN_FILE too')
  }
  return { port, host: host || undefined, token, allowedHosts: readAllowedHosts(values.ADMIN_ALLOWED_HOSTS ?? ''), required: true }
}

function readAllowedHosts (list: string): string[] {
  if (list.trim() === '') return []
  return list.split(',').map(given => {
    const host = given.trim()
    const fault = hostPatternFault(host)
    if (fault !== undefined) {
      // A comma in a password splits an entry.
      throw wrongValue('ADMIN_ALLOWED_HOSTS', /@|%40/i.test(list) ? '***' : host, fault)
    }
    return host
  })
}
