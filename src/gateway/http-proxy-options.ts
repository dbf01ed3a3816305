import type { FastifyHttpProxyOptions } from '@fastify/http-proxy'
import type { FastifyRequest } from 'fastify'
import { forward } from '../forward/forward.js'
import type { FromOptions } from '../forward/from-options.js'
import { upgradeOf } from '../forward/upgrade.js'
import { WITHOUT_WEBSOCKET, rewritePrefixOf } from '../quirks/http-proxy.js'
import type { ForwardRoutes } from './declare-route.js'
import { OWN_NAMES } from './proxy-options.js'
import type { SingleOptions } from './proxy-options.js'
import { parameterRule } from './rewriting.js'
import { httpUpstream, isUpgradable, makesTunnels } from './route-upgrades.js'

type Handler = NonNullable<FastifyHttpProxyOptions['handler']>
type HandlerReply = Parameters<Handler>[1]
type HandlerOptions = Parameters<Handler>[3]

/** The options that http-proxy knows. */
export function withoutOwn (options: SingleOptions): Record<string, unknown> {
  const rest: Record<string, unknown> = { ...options }
  // The scope of the proxy plugin has the prefix already.
  for (const name of [...OWN_NAMES, 'prefix', 'undici']) delete rest[name]
  if (options.undici !== undefined) rest['undici'] = options.undici
  return rest
}

/** The options with which http-proxy declares the routes and makes the paths, and leaves each request to `forward`. */
export function httpProxyOptions (
  options: SingleOptions, prefix: string, routes: ForwardRoutes, replyOptions: FromOptions
): Record<string, unknown> {
  const { handler } = options
  const { route, upgradeRoute, dispatcher } = routes
  const tunnels = makesTunnels(options)
  return {
    ...withoutOwn(options),
    ...tunnels ? WITHOUT_WEBSOCKET : { websocket: isUpgradable(options) },
    ...tunnels ? { upstream: httpUpstream(options) } : undefined,
    ...parameterRule(rewritePrefixOf(prefix, options), options),
    // A user's handler may pass these options to `reply.from()`. http-proxy's own rewriting would add the prefix to any Location.
    internalRewriteLocationHeader: false,
    replyOptions: { ...replyOptions, rewriteHeaders: route.rewriteHeaders },
    undici: options.upstream?.startsWith('unix+') === true ? {} : dispatcher,
    handler: (request: FastifyRequest, reply: HandlerReply, dest: string, from: FromOptions) => {
      const upgrade = tunnels ? upgradeOf(request.raw) : undefined
      if (upgrade !== undefined) return forward(upgradeRoute, request, reply, dest, from, upgrade)
      return handler === undefined ? forward(route, request, reply, dest, from) : handler(request, reply, dest, from as HandlerOptions)
    }
  }
}
