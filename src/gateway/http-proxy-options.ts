import type { FastifyHttpProxyOptions } from '@fastify/http-proxy'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { forward } from '../forward/forward.js'
import type { FromOptions } from '../forward/from-options.js'
import { upgradeOf } from '../forward/upgrade.js'
import type { ForwardRoutes } from './declare-route.js'
import { OWN_NAMES } from './proxy-options.js'
import type { ProxyOptions } from './proxy-options.js'
import { parameterRule, rewritePrefixOf } from './rewriting.js'
import { WITHOUT_WEBSOCKET, httpUpstream, isUpgradable, makesTunnels } from './route-upgrades.js'

/** The options that http-proxy knows. */
export function withoutOwn (options: ProxyOptions): FastifyHttpProxyOptions {
  const rest: Record<string, unknown> = { ...options }
  // The scope of the proxy plugin has the prefix already.
  for (const name of [...OWN_NAMES, 'prefix', 'undici']) delete rest[name]
  if (options.undici !== undefined) rest['undici'] = options.undici
  return rest as unknown as FastifyHttpProxyOptions
}

/** The options with which http-proxy declares the routes and makes the paths, and leaves each request to `forward`. */
export function httpProxyOptions (
  options: ProxyOptions, prefix: string, routes: ForwardRoutes, replyOptions: FromOptions
): FastifyHttpProxyOptions {
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
    handler: (request: FastifyRequest, reply: FastifyReply, dest: string, from: FromOptions) => {
      const upgrade = tunnels ? upgradeOf(request.raw) : undefined
      if (upgrade !== undefined) return forward(upgradeRoute, request, reply, dest, from, upgrade)
      return handler === undefined ? forward(route, request, reply, dest, from) : handler(request, reply as never, dest, from as never)
    }
  } as unknown as FastifyHttpProxyOptions
}
