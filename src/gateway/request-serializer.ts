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

/** What Fastify's own `req` serializer shows of a request. */
export interface SerializedRequest {
  readonly method: string | undefined
  readonly url: string | undefined
  readonly version: string | string[] | undefined
  readonly host: string | undefined
  readonly remoteAddress: string | undefined
  readonly remotePort: number | undefined
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
  })
}
