import type { FastifyInstance, FastifyRequest } from 'fastify'
import { ownSymbol } from './fastify-scope.js'

const FROM_ANYWHERE = { 'x-forwarded-for': '192.0.2.1' }

/**
 * Whether Fastify's `trustProxy` trusts the peer of a request. Fastify has no API for that, but its `ips` shows it: the list ends at the
 * first address that is not trusted. The request's own X-Forwarded-For does not serve: a trusted peer may not have sent one, and a hook
 * may have deleted it. So the getter of `ips` is called for another header. If a later version has no such getter, no peer is trusted.
 */
export function trustsPeer (request: FastifyRequest): boolean {
  // Requests have `ips` only where `trustProxy` is set.
  if (!('ips' in request)) return false
  const ips = Reflect.get(request, 'ips', { raw: { socket: request.raw.socket, headers: FROM_ANYWHERE } }) as string[] | undefined
  return ips !== undefined && ips.length > 1
}

/**
 * The option `trustProxy` of an app, as it was given. Fastify leaves it out of `initialConfig`. If a later version keeps its options
 * under another name, the result is undefined.
 */
export function trustProxyOf (app: FastifyInstance): unknown {
  const key = ownSymbol(app, 'fastify.options')
  return key === undefined ? undefined : (Reflect.get(app, key) as { trustProxy?: unknown } | undefined)?.trustProxy
}
