import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { acceptHookedBodies } from '../src/admit/hooked-bodies.js'
import { streamBodies } from '../src/admit/odd-content-type.js'
import { acceptUpgrades } from '../src/admit/upgrades.js'
import { addFastWay } from '../src/forward/fast-way.js'
import { forgetParsers, parsesBodies } from '../src/gateway/body-parsers.js'
import { declareRoute, nameOfRoute } from '../src/gateway/declare-route.js'
import { drainByDefault } from '../src/gateway/drain.js'
import { httpProxyOptions, withoutOwn } from '../src/gateway/http-proxy-options.js'
import { giveWayToOwnRoutes } from '../src/gateway/own-routes.js'
import { checkProxyOptions } from '../src/gateway/proxy-options.js'
import type { ProxyOptions } from '../src/gateway/proxy-options.js'
import { replyOptionsOf } from '../src/gateway/reply-options.js'
import { isPlainRoute } from '../src/gateway/rewriting.js'
import { makesTunnels } from '../src/gateway/route-upgrades.js'
import { refuseEndpoints, routeUpstream, singleOptions } from '../src/gateway/route-upstream.js'
import { shareRepliesOf } from '../src/gateway/shared-replies.js'
import { DEFAULT_SETTINGS } from '../src/gateway/settings.js'
import { createState, existingState } from '../src/gateway/state.js'
import { upgradableRoutes } from '../src/gateway/upgradable-routes.js'
import { foreignTransport } from '../src/options/http-proxy.js'
import { namingOptionsOf } from '../src/options/named-options.js'
import { httpProxyAsItStands, httpProxyInScope, rewritePrefixOf } from '../src/quirks/http-proxy.js'
import { connectionInspector } from './connection-inspector.js'
import { registerRequestRules } from './request-rules.js'

/**
 * Proxies a prefix to a target: the routes and the rewriting of `@fastify/http-proxy` over a managed pool. Register it once for each
 * prefix. Throws HOLDFAST_ERR_OPTION for an option that is unknown or not possible; the app does not start then.
 */
export const proxy = fp<ProxyOptions>(async (app, options) => {
  const target = typeof options.target === 'string' ? `, target ${options.target}` : ''
  await namingOptionsOf(`proxy ${nameOfRoute(app.prefix)}${target}`, () => registerRoute(app, options))
}, { name: 'holdfast-proxy', fastify: '5.x', encapsulate: true })

async function registerRoute (app: FastifyInstance, given: ProxyOptions): Promise<void> {
  checkProxyOptions(given)
  const state = existingState(app) ?? createState(app, DEFAULT_SETTINGS)
  // Without the gateway plugin they hold for this scope only: a hook of the root cannot be added from here.
  await registerRequestRules(app)
  await app.register(connectionInspector)
  if (app.gateway === undefined) drainByDefault(app)
  giveWayToOwnRoutes(app)

  const { prefix } = app
  const upstream = routeUpstream(given, prefix)
  const options = singleOptions(given, upstream)
  const foreign = foreignTransport(options as Record<string, unknown>)
  if (foreign !== undefined) {
    refuseEndpoints(given, upstream, foreign)
    const found = `${foreign} asks for another transport: this route is @fastify/http-proxy's as it stands`
    state.warnings.warn(nameOfRoute(prefix), [{ id: 'unmanaged', found }])
    await app.register(httpProxyAsItStands, withoutOwn(options))
    return
  }

  const routes = declareRoute(state, prefix, options, upstream)
  if (!parsesBodies(options)) {
    forgetParsers(app, options)
    acceptHookedBodies(app)
    // Not with a user's handler: it may pass Fastify's headers on, and then none may be missing.
    if (options.handler === undefined) streamBodies(app)
  }
  const replyOptions = replyOptionsOf(options, prefix, routes.choice)
  shareRepliesOf(app)
  const fastWayAdded = isPlainRoute(prefix, options)
    ? addFastWay(app, routes.route, { prefix, rewritePrefix: rewritePrefixOf(prefix, options), from: replyOptions })
    : undefined
  await app.register(httpProxyInScope, httpProxyOptions(options, prefix, routes, replyOptions))
  fastWayAdded?.()
  if (makesTunnels(options)) acceptUpgrades(app, upgradableRoutes(app), state.upgrades)
}
