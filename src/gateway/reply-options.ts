import type { FastifyReply } from 'fastify'
import { HoldfastError } from '../errors.js'
import type { FromOptions } from '../forward/from-options.js'
import { checkChosen } from '../options/upstream.js'
import { rewritePrefixOf } from '../quirks/http-proxy.js'
import { NO_RETRY, errorOf } from '../quirks/reply-from.js'
import type { EndpointChoice } from './endpoint-choice.js'
import type { SingleOptions } from './proxy-options.js'
import { isUpgradable, toHttp } from './route-upgrades.js'

/**
 * The route's `replyOptions`, changed such that `reply.from()` in a user's hook or handler behaves as the route does.
 *
 * @param choice where the route has several endpoints of which `getUpstream` may choose one
 */
export function replyOptionsOf (options: SingleOptions, prefix: string, choice?: EndpointChoice): FromOptions & typeof NO_RETRY {
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
          getUpstream: choice === undefined
            ? chooseOne(getUpstream, within)
            : chooseEndpoint(getUpstream, within, choice, isUpgradable(options))
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

type GetUpstream = NonNullable<FromOptions['getUpstream']>

function chooseOne (getUpstream: GetUpstream, within: string | undefined): GetUpstream {
  return (request, base) => {
    const chosen = getUpstream(request, base)
    if (chosen !== base) checkChosen(chosen, within)
    return chosen
  }
}

function chooseEndpoint (getUpstream: GetUpstream, within: string | undefined, choice: EndpointChoice, upgradable: boolean): GetUpstream {
  return (request, base) => {
    // The logical origin is no URL that the user has given for the route.
    const chosen = getUpstream(request, '') as string | undefined
    checkChosen(chosen, within)
    if (chosen === undefined || chosen === '') {
      choice.note(request, undefined)
      return base
    }
    choice.note(request, upgradable ? toHttp(chosen) : chosen)
    return chosen
  }
}
