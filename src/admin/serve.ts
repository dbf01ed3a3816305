import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { Refusal } from './refusal.js'

export type Handler = (request: FastifyRequest, reply: FastifyReply) => unknown

export interface Handlers { readonly GET?: Handler, readonly POST?: Handler, readonly PUT?: Handler }

/**
 * Serves a path with these methods, and HEAD where there is GET. Every other method gets 405 with a list of them.
 *
 * @param bodyLimit in bytes, where it is another than the listener's
 */
export function serve (scope: FastifyInstance, url: string, handlers: Handlers, bodyLimit?: number): void {
  const served = Object.keys(handlers)
  if (served.includes('GET')) served.push('HEAD')
  for (const [method, handler] of Object.entries(handlers)) scope.route({ method, url, handler, ...bodyLimit === undefined ? undefined : { bodyLimit } })
  scope.route({
    method: scope.supportedMethods.filter(method => !served.includes(method)),
    url,
    // Runs before a body is read.
    onRequest: async () => { throw new Refusal(405, 'HOLDFAST_ADMIN_METHOD', `Served here: ${served.join(', ')}`, { allow: served.join(', ') }) },
    handler: () => {}
  })
}
