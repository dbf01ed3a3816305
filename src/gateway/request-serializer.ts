import type { FastifyInstance } from 'fastify'
import { maskUrl } from '../http/mask-url.js'
import type { MaskedNames } from '../http/secret-names.js'
import { existingState } from './state.js'

/** What the serializer reads of a Fastify request. A logger may be given anything as `req`, so each part may be missing. */
export interface LoggedRequest {
  readonly method?: string | undefined
  readonly url?: string | undefined
  readonly headers?: Readonly<Record<string, string | string[] | undefined>> | undefined
  readonly host?: string | undefined
  readonly ip?: string | undefined
  readonly socket?: { readonly remotePort?: number | undefined } | null | undefined
  readonly server?: FastifyInstance | undefined
}

/** What Fastify's own `req` serializer shows of a request. Parts that a request does not have are undefined, and absent in the line. */
export interface SerializedRequest {
  readonly [name: string]: unknown
  readonly method?: string
  readonly url?: string
  /** Of the header `accept-version`. */
  readonly version?: string
  readonly host?: string
  readonly remoteAddress?: string
  readonly remotePort?: number
}

/**
 * Makes a `req` serializer for Fastify's logger: what Fastify's own shows, with the secrets of the URL masked as `maskUrl` does.
 *
 * @param names as those of `maskUrl`; if they are not given, `log.mask` of the app's gateway decides
 */
export function requestSerializer (names?: MaskedNames): (request: LoggedRequest) => SerializedRequest {
  return ({ method, url, headers, host, ip, socket, server }) => ({
    method,
    url: url === undefined ? undefined : maskUrl(url, names ?? (server === undefined ? undefined : existingState(server)?.settings.mask)),
    version: headers?.['accept-version'],
    host,
    remoteAddress: ip,
    remotePort: socket?.remotePort
  } as SerializedRequest)
}
