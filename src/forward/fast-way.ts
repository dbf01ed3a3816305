import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { forward } from './forward.js'
import type { ForwardRoute, FromOptions } from './forward.js'

// Unreserved characters and sub-delimiters, no double slash, no segment that begins with a dot: such a path needs none of the
// checks that others do.
const PLAIN = /^(?:\/(?![./])[\w~!$&'()*+,;=:@.-]*)+$/

/**
 * Puts a way for plain paths in front of the handlers of all routes that are registered after it in this scope; every other
 * path goes through them as before. Step 2 of a request: it saves the three URLs that @fastify/http-proxy parses for each,
 * 8 us of 90.
 */
export function addFastWay (app: FastifyInstance, route: ForwardRoute, to: { prefix: string, rewritePrefix: string, from: FromOptions }): void {
  const { prefix, rewritePrefix, from } = to
  app.addHook('onRoute', options => {
    const careful = options.handler
    options.handler = function (request: FastifyRequest, reply: FastifyReply) {
      const url = request.raw.url!
      const question = url.indexOf('?')
      const path = question === -1 ? url : url.slice(0, question)
      if (!path.startsWith(prefix) || !PLAIN.test(path)) return careful.call(this, request, reply)
      forward(route, request, reply, rewritePrefix + path.slice(prefix.length) || '/', from)
    }
  })
}
