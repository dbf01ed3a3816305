import type { FastifyInstance, FastifyRequest } from 'fastify'
import { ownSymbol } from './fastify-scope.js'

const FROM_ANYWHERE = { 'x-forwarded-for': '192.0.2.1' }

/**
 * Whether Fastify's `trustProxy` trusts the peer of a request. Fastify says it by what it makes of an
 * `X-Forwarded-For` alone: `ips` is trimmed at the first address that is not trusted. A trusted peer need not have
 * sent that header, and a hook may have deleted it; so the getter of `ips` is asked about a request that has one.
 * Where a later version has no such getter, no peer is trusted.
 */
export function trustsPeer (request: FastifyRequest): boolean {
  // Fastify gives its requests that only where it trusts a peer.
  if (!('ips' in request)) return false
  const ips = Reflect.get(request, 'ips', { raw: { socket: request.raw.socket, headers: FROM_ANYWHERE } }) as string[] | undefined
  return ips !== undefined && ips.length > 1
}

/**
 * The `trustProxy` that an app was made with, as it was given. Fastify leaves it out of `initialConfig`. undefined
 * where a later version keeps its options by another name.
 */
export function trustProxyOf (app: FastifyInstance): unknown {
  const key = ownSymbol(app, 'fastify.options')
  return key === undefined ? undefined : (Reflect.get(app, key) as { trustProxy?: unknown } | undefined)?.trustProxy
}
