import { isLoopback } from '../admin/admin-options.js'
import { isSendable } from '../options/kinds.js'
import type { AdminOptions } from '../options/option-types.js'
import { EnvironmentError, wrongValue } from './environment-error.js'
import type { Values } from './variables.js'

/** The options of the admin surface; undefined without ADMIN_PORT. Throws EnvironmentError for a value that is not possible. */
export function readAdmin ({ ADMIN_PORT: port, ADMIN_HOST: host, ADMIN_TOKEN: token }: Values): AdminOptions | undefined {
  if (typeof port !== 'number') return undefined
  // The message does not show the value: it is a secret.
  if (token && !isSendable(token)) throw new EnvironmentError('ADMIN_TOKEN: is not printable ASCII without spaces')
  if (host && !token && !isLoopback(host)) throw wrongValue('ADMIN_HOST', host, 'is not this machine alone; set ADMIN_TOKEN too')
  return { port, host: host || undefined, token: token || undefined }
}
