import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { Refusal } from './refusal.js'

export type Handler = (request: FastifyRequest, reply: FastifyReply) => unknown

/** Serves a path with these methods, and HEAD where there is GET. Every other method gets 405 with a list of them. */
export function serve (scope: FastifyInstance, url: string, handlers: { readonly GET?: Handler, readonly POST?: Handler }): void {
  const served = Object.keys(handlers)
  if (served.includes('GET')) served.push('HEAD')
  for (const [method, handler] of Object.entries(handlers)) scope.route({ method, url, handler })
  scope.route({
    method: scope.supportedMethods.filter(method => !served.includes(method)),
    url,
    // Runs before a body is read.
    onRequest: async () => { throw new Refusal(405, 'HOLDFAST_ADMIN_METHOD', `Served here: ${served.join(', ')}`, { allow: served.join(', ') }) },
    handler: () => {}
  })
}
