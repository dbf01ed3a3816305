import httpProxy from '@fastify/http-proxy'
import type { FastifyHttpProxyOptions } from '@fastify/http-proxy'
import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { acceptUpgrades } from '../src/admit/upgrades.js'
import { addFastWay } from '../src/forward/fast-way.js'
import { forward } from '../src/forward/forward.js'
import type { FromOptions } from '../src/forward/forward.js'
import { upgradeOf } from '../src/forward/upgrade.js'
import { forgetParsers, parsesBodies } from '../src/gateway/body-parsers.js'
import { declareRoute } from '../src/gateway/declare-route.js'
import { giveWayToOwnRoutes } from '../src/gateway/own-routes.js'
import { checkProxyOptions, withoutOwn } from '../src/gateway/proxy-options.js'
import type { ProxyOptions } from '../src/gateway/proxy-options.js'
import { replyOptionsOf } from '../src/gateway/reply-options.js'
import { isPlainRoute, parameterRule, rewritePrefixOf } from '../src/gateway/rewriting.js'
import { WITHOUT_WEBSOCKET, foreignWebSocketOptions, httpUpstream, isOurs, isUpgradable } from '../src/gateway/route-upgrades.js'
import { shareRepliesOf } from '../src/gateway/shared-replies.js'
import { DEFAULT_SETTINGS, createState, existingState } from '../src/gateway/state.js'
import { upgradableRoutes } from '../src/gateway/upgradable-routes.js'
import { foreignTransport, ignoredOptions, readUndici } from '../src/options/http-proxy.js'
import { namingOptionsOf } from '../src/options/named-options.js'
import type { TargetOptions } from '../src/options/options.js'
import { connectionInspector } from './connection-inspector.js'
import { drainByDefault } from './drain.js'
import { acceptHookedBodies, registerRequestRules, streamBodies } from './request-rules.js'

/**
 * Proxies a prefix to a target: @fastify/http-proxy's routes and rewriting over a managed pool. Register it once a prefix.
 * Throws HOLDFAST_ERR_OPTION, before the app can start, for an option that cannot be.
 */
export const proxy = fp<ProxyOptions>(async (app, options) => {
  const { target } = options
  await namingOptionsOf(`proxy ${whereOf(app)}${typeof target === 'string' ? `, target ${target}` : ''}`, () => registerRoute(app, options))
}, { name: 'holdfast-proxy', fastify: '5.x', encapsulate: true })

async function registerRoute (app: FastifyInstance, options: ProxyOptions): Promise<void> {
  checkProxyOptions(options)
  const state = existingState(app) ?? createState(app, DEFAULT_SETTINGS)
  // A hook of this scope where there is no gateway: one at the root could not be added from here.
  await registerRequestRules(app)
  await app.register(connectionInspector)
  if (app.gateway === undefined) drainByDefault(app)
  giveWayToOwnRoutes(app)
  const where = whereOf(app)

  const foreign = foreignTransport(options as Record<string, unknown>)
  if (foreign !== undefined) {
    state.warn(where, [{ id: 'unmanaged', found: `${foreign} asks for another transport: this route is @fastify/http-proxy's as it stands` }])
    await app.register(httpProxy, withoutOwn(options) as unknown as FastifyHttpProxyOptions)
    return
  }

  const legacy = readUndici(options.undici)
  const given: TargetOptions = { ...options, undiciOptions: { ...legacy.undiciOptions, ...options.undiciOptions } }
  state.warnOf(where, given)
  state.warn(where, [...legacy.warnings, ...ignoredOptions(options as Record<string, unknown>)])
  const upgradable = isUpgradable(options)
  const tunnels = upgradable && isOurs(options)
  if (upgradable && !tunnels) {
    state.warn(where, [{ id: 'unmanaged', found: `${foreignWebSocketOptions(options).join(', ')}: upgraded connections of this route are @fastify/http-proxy's own` }])
  }

  const { handler } = options
  const { prefix } = app
  const { route, upgradeRoute, dispatcher } = declareRoute(state, prefix, options, given)
  if (handler !== undefined && options.upstream?.startsWith('unix+') === true) {
    state.warn(where, [{ id: 'unmanaged', found: 'handler: what it sends by reply.from() to a unix socket goes over connections of their own' }])
  }
  if (!parsesBodies(options)) {
    forgetParsers(app, options)
    acceptHookedBodies(app)
    // A handler of the user's may hand on Fastify's headers, in which nothing must be missing.
    if (handler === undefined) streamBodies(app)
  }
  const replyOptions = replyOptionsOf(options, prefix)
  shareRepliesOf(app)
  const fastWayAdded = isPlainRoute(prefix, options)
    ? addFastWay(app, route, { prefix, rewritePrefix: rewritePrefixOf(prefix, options), from: replyOptions })
    : undefined
  await app.register(httpProxyHere, {
    ...withoutOwn(options),
    ...tunnels ? WITHOUT_WEBSOCKET : { websocket: upgradable },
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
  } as unknown as FastifyHttpProxyOptions)
  fastWayAdded?.()
  if (tunnels) acceptUpgrades(app, upgradableRoutes(app), state.upgrades)
}

/** A route as a person knows it. */
function whereOf ({ prefix }: FastifyInstance): string {
  return prefix === '' ? '/' : prefix
}

// It would make a scope within this one, which is made for it. Scopes side by side are alike to V8, one within another is like no other.
const httpProxyHere = fp((app, options) => (httpProxy as unknown as FastifyPluginAsync<object>)(app, options), { name: '@fastify/http-proxy', fastify: '5.x' })
