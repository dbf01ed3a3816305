import type { FastifyReply, FastifyRequest } from 'fastify'
import { HoldfastError } from '../errors.js'
import type { FromOptions } from '../forward/from-options.js'
import { checkChosen } from '../options/upstream.js'
import { rewritePrefixOf } from '../quirks/http-proxy.js'
import { NO_RETRY, errorOf } from '../quirks/reply-from.js'
import type { ProxyOptions } from './proxy-options.js'

/** The route's `replyOptions`, changed such that `reply.from()` in a user's hook or handler behaves as the route does. */
export function replyOptionsOf (options: ProxyOptions, prefix: string): FromOptions & typeof NO_RETRY {
  const given = options.replyOptions
  const onError = given?.onError as FromOptions['onError']
  const getUpstream = given?.getUpstream as FromOptions['getUpstream']
  // Where each request has a path of its own, its beginning is not known here.
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
    ...NO_RETRY,
    onError: (reply: FastifyReply, { error: told }: { error: Error }): unknown => {
      const error = errorOf(told)
      if (onError === undefined) return reply.send(error)
      // The user's function answers this error, so Fastify does not log it, and reply-from logs only the errors that it wraps.
      if (told instanceof HoldfastError) reply.request.log.warn({ err: told }, told.message)
      return onError(reply, { error })
    }
  }
}
