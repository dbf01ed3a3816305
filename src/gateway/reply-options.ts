import type { FastifyReply, FastifyRequest } from 'fastify'
import { HoldfastError } from '../errors.js'
import type { FromOptions } from '../forward/forward.js'
import { checkChosen } from '../options/upstream.js'
import type { ProxyOptions } from './proxy-options.js'
import { rewritePrefixOf } from './rewriting.js'

/** As given, and such that a `reply.from()` in a hook or handler of the user's does as the route does. */
export function replyOptionsOf (options: ProxyOptions, prefix: string): FromOptions & { retryDelay: () => null } {
  const given = options.replyOptions
  const onError = given?.onError as FromOptions['onError']
  const getUpstream = given?.getUpstream as FromOptions['getUpstream']
  // Where each request makes its own path, what that begins with is not known.
  const within = prefix.includes(':') || options.preRewrite !== undefined ? undefined : rewritePrefixOf(prefix, options)
  return {
    ...given as FromOptions,
    ...getUpstream === undefined
      ? undefined
      : {
          getUpstream: (request: FastifyRequest, base: string) => {
            const chosen = getUpstream(request, base)
            if (chosen !== base) checkChosen(chosen, within)
            return chosen
          }
        },
    // It asks a 503 again up to ten times unless told otherwise.
    retryDelay: () => null,
    // It makes a 500 of its own of every error that it does not know.
    onError: (reply: FastifyReply, { error: told }: { error: Error }): unknown => {
      const error = !(told instanceof HoldfastError) && told.cause instanceof HoldfastError ? told.cause : told
      if (onError === undefined) return reply.send(error)
      // Fastify logs what it answers itself, and reply-from what it reports.
      if (told instanceof HoldfastError) reply.request.log.warn({ err: told }, told.message)
      return onError(reply, { error })
    }
  }
}
