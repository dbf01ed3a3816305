import type { FastifyInstance } from 'fastify'
import { maskHost, maskUrl } from '../http/mask-url.js'
import type { MaskedNames } from '../http/secret-names.js'
import { existingState } from './state.js'

/** What the serializer reads of a Fastify request. A logger may be given anything as `req`, so each part may be missing. */
export interface LoggedRequest {
  /** Shown as it is. */
  readonly method?: string | undefined
  /** Shown masked. */
  readonly url?: string | undefined
  /** Only `accept-version` is read. */
  readonly headers?: Readonly<Record<string, string | string[] | undefined>> | undefined
  /** Shown without a password. */
  readonly host?: string | undefined
  /** The client's address, as `trustProxy` has it. */
  readonly ip?: string | undefined
  /** The client's connection. */
  readonly socket?: {
    /** The client's port. */
    readonly remotePort?: number | undefined
  } | null | undefined
  /** The app, whose gateway has `log.mask`. */
  readonly server?: FastifyInstance | undefined
}

/** What Fastify's own `req` serializer shows of a request. Parts that a request does not have are undefined, and absent in the line. */
export interface SerializedRequest {
  readonly [name: string]: unknown
  /** The method. */
  readonly method?: string
  /** The path with its query, masked. */
  readonly url?: string
  /** Of the header `accept-version`. */
  readonly version?: string
  /** Of the header `Host`, or of `X-Forwarded-Host` where `trustProxy` trusts the peer. */
  readonly host?: string
  /** The client's address, as `trustProxy` has it. */
  readonly remoteAddress?: string
  /** The port of the connection's other end. */
  readonly remotePort?: number
}

/**
 * Makes a `req` serializer for Fastify's logger: what Fastify's own shows, with the secrets of the URL masked as `maskUrl` does.
 *
 * @param names as those of `maskUrl`; if they are not given, `log.mask` of the app's gateway decides
 */
export function requestSerializer (names?: MaskedNames): (request: LoggedRequest) => SerializedRequest {
  return ({ method, url, headers, host, ip, socket, server }) => {
    const mask = names ?? (server === undefined ? undefined : existingState(server)?.settings.mask)
    return {
      method,
      url: url === undefined ? undefined : maskUrl(url, mask),
      version: headers?.['accept-version'],
      host: host === undefined ? undefined : maskHost(host, mask),
      remoteAddress: ip,
      remotePort: socket?.remotePort
    } as SerializedRequest
  }
}
