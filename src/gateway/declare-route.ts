import type { Dispatcher } from 'undici'
import type { ForwardRoute } from '../forward/forward-route.js'
import { ignoredOptions, readUndici } from '../options/http-proxy.js'
import type { TargetOptions } from '../options/option-types.js'
import { resolveRouteOptions } from '../options/route-options.js'
import type { EndpointChoice } from './endpoint-choice.js'
import type { SingleOptions } from './proxy-options.js'
import { headerRewriting } from './rewriting.js'
import { declareTargets } from './route-targets.js'
import type { RouteUpstream } from './route-upstream.js'
import { foreignWebSocketOptions, isUpgradable, makesTunnels } from './route-upgrades.js'
import type { GatewayState } from './state.js'

/** How a route's requests are forwarded. */
export interface ForwardRoutes {
  readonly route: ForwardRoute
  /** For upgrades: another target where `wsUpstream` names one. */
  readonly upgradeRoute: ForwardRoute
  /** Set where `getUpstream` may choose one of the target's endpoints. */
  readonly choice: EndpointChoice | undefined
  /** For handlers that call `reply.from()` themselves. */
  readonly dispatcher: Dispatcher
}

/**
 * Adds a route and its targets to the app's state, and warns of its options.
 *
 * @param upstream undefined where `getUpstream` chooses for each request
 */
export function declareRoute (
  state: GatewayState, prefix: string, options: SingleOptions, upstream: RouteUpstream | undefined
): ForwardRoutes {
  const { settings } = state
  const where = nameOfRoute(prefix)
  const given = targetOptionsOf(state, where, options)
  const { target, wsTarget, targetOptions, targetOf, choice, dispatcher } = declareTargets(state, prefix, options, given, upstream)
  const { rewritesHeaders, rewriteHeaders } = headerRewriting(prefix, options)
  const route: ForwardRoute = {
    options: resolveRouteOptions(settings.defaults, options),
    maxHops: settings.maxHops,
    jsonTypes: new Set(['application/json', ...options.contentTypesToEncode ?? []]),
    targetOf,
    pinnedOf: choice === undefined ? undefined : request => choice.of(request),
    rewritesHeaders,
    rewriteHeaders
  }
  const declared = { prefix, upstream: upstream?.text, options: route.options, targetOptions }
  if (wsTarget === undefined) state.routes.push({ ...declared, target, upgradable: makesTunnels(options) })
  else {
    state.routes.push({ ...declared, upstream: options.wsUpstream, target: wsTarget, upgradable: true })
    if (target !== undefined) state.routes.push({ ...declared, target, upgradable: false })
  }
  if (options.handler !== undefined && options.upstream?.startsWith('unix+') === true) {
    const found = 'handler: what it sends by reply.from() to a unix socket goes over connections of their own'
    state.warnings.warn(where, [{ id: 'unmanaged', found }])
  }
  const upgradeRoute = wsTarget === undefined ? route : { ...route, targetOf: () => wsTarget, pinnedOf: undefined }
  return { route, upgradeRoute, choice, dispatcher }
}

/** The options of the route's targets: those in `undiciOptions`, and those in `undici`, which is http-proxy's name for them. */
function targetOptionsOf (state: GatewayState, where: string, options: SingleOptions): TargetOptions {
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

/** The name of a route in messages and logs: its prefix. */
export function nameOfRoute (prefix: string): string {
  return prefix === '' ? '/' : prefix
}
