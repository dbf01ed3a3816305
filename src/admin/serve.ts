import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { Refusal } from './refusal.js'

export type Handler = (request: FastifyRequest, reply: FastifyReply) => unknown

/** Serves a path's methods; HEAD comes with GET, and every other method is refused with those that are served. */
export function serve (scope: FastifyInstance, url: string, handlers: { readonly GET?: Handler, readonly POST?: Handler }): void {
  const served = Object.keys(handlers)
  if (served.includes('GET')) served.push('HEAD')
  for (const [method, handler] of Object.entries(handlers)) scope.route({ method, url, handler })
  scope.route({
    method: scope.supportedMethods.filter(method => !served.includes(method)),
    url,
    // Before a body is looked at.
    onRequest: async () => { throw new Refusal(405, 'HOLDFAST_ADMIN_METHOD', `Served here: ${served.join(', ')}`, { allow: served.join(', ') }) },
    handler: () => {}
  })
}
