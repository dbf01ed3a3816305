import type { FastifyHttpProxyOptions } from '@fastify/http-proxy'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { forward } from '../forward/forward.js'
import type { FromOptions } from '../forward/forward.js'
import { upgradeOf } from '../forward/upgrade.js'
import type { ForwardRoutes } from './declare-route.js'
import { OWN_NAMES } from './proxy-options.js'
import type { ProxyOptions } from './proxy-options.js'
import { parameterRule, rewritePrefixOf } from './rewriting.js'
import { WITHOUT_WEBSOCKET, httpUpstream, isUpgradable, makesTunnels } from './route-upgrades.js'

/** The options of a route that http-proxy serves with its own transport. */
export function withoutOwn (options: ProxyOptions): FastifyHttpProxyOptions {
  const rest: Record<string, unknown> = { ...options }
  // The prefix is this plugin's scope's already.
  for (const name of [...OWN_NAMES, 'prefix', 'undici']) delete rest[name]
  if (options.undici !== undefined) rest['undici'] = options.undici
  return rest as unknown as FastifyHttpProxyOptions
}

/** The options of a route whose requests http-proxy hands to us: it declares the routes and makes the paths. */
export function httpProxyOptions (options: ProxyOptions, prefix: string, { route, upgradeRoute, dispatcher }: ForwardRoutes, replyOptions: FromOptions): FastifyHttpProxyOptions {
  const { handler } = options
  const tunnels = makesTunnels(options)
  return {
    ...withoutOwn(options),
    ...tunnels ? WITHOUT_WEBSOCKET : { websocket: isUpgradable(options) },
    ...tunnels ? { upstream: httpUpstream(options) } : undefined,
    ...parameterRule(rewritePrefixOf(prefix, options), options),
    // For the handlers that call `reply.from` with what they are given: http-proxy's own puts the prefix into any Location.
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
