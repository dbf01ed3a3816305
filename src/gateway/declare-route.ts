import type { Dispatcher } from 'undici'
import type { ForwardRoute } from '../forward/forward.js'
import { ignoredOptions, readUndici } from '../options/http-proxy.js'
import type { TargetOptions } from '../options/option-types.js'
import { resolveRouteOptions } from '../options/route-options.js'
import type { ProxyOptions } from './proxy-options.js'
import { headerRewriting } from './rewriting.js'
import { declareTargets } from './route-targets.js'
import { foreignWebSocketOptions, isUpgradable, makesTunnels } from './route-upgrades.js'
import type { GatewayState } from './state.js'

/** How a route's requests are forwarded. */
export interface ForwardRoutes { readonly route: ForwardRoute, readonly upgradeRoute: ForwardRoute, readonly dispatcher: Dispatcher }

/** Declares a route and its targets to the app's state, and warns of what was set for it. */
export function declareRoute (state: GatewayState, prefix: string, options: ProxyOptions): ForwardRoutes {
  const { settings } = state
  const where = nameOfRoute(prefix)
  const given = targetOptionsOf(state, where, options)
  const { target, wsTarget, targetOptions, targetOf, dispatcher } = declareTargets(state, prefix, options, given)
  const { rewritesHeaders, rewriteHeaders } = headerRewriting(prefix, options)
  const route: ForwardRoute = {
    options: resolveRouteOptions(settings.defaults, options),
    maxHops: settings.maxHops,
    jsonTypes: new Set(['application/json', ...options.contentTypesToEncode ?? []]),
    targetOf,
    rewritesHeaders,
    rewriteHeaders
  }
  const declared = { prefix, options: route.options, targetOptions }
  if (wsTarget === undefined) state.routes.push({ ...declared, target, upgradable: makesTunnels(options) })
  else state.routes.push({ ...declared, target: wsTarget, upgradable: true }, ...target === undefined ? [] : [{ ...declared, target, upgradable: false }])
  if (options.handler !== undefined && options.upstream?.startsWith('unix+') === true) {
    const found = 'handler: what it sends by reply.from() to a unix socket goes over connections of their own'
    state.warnings.warn(where, [{ id: 'unmanaged', found }])
  }
  return { route, upgradeRoute: wsTarget === undefined ? route : { ...route, targetOf: () => wsTarget }, dispatcher }
}

/** What is set for the route's targets, by our names and by http-proxy's. */
function targetOptionsOf (state: GatewayState, where: string, options: ProxyOptions): TargetOptions {
  const { undiciOptions, warnings } = readUndici(options.undici)
  const given: TargetOptions = { ...options, undiciOptions: { ...undiciOptions, ...options.undiciOptions } }
  state.warnings.warnOf(where, given)
  state.warnings.warn(where, [...warnings, ...ignoredOptions(options as Record<string, unknown>)])
  if (isUpgradable(options) && !makesTunnels(options)) {
    const found = `${foreignWebSocketOptions(options).join(', ')}: upgraded connections of this route are @fastify/http-proxy's own`
    state.warnings.warn(where, [{ id: 'unmanaged', found }])
  }
  return given
}

/** A route as a person knows it. */
export function nameOfRoute (prefix: string): string {
  return prefix === '' ? '/' : prefix
}
