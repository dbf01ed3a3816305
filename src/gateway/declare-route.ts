import type { Dispatcher } from 'undici'
import type { ForwardRoute } from '../forward/forward.js'
import { resolveRouteOptions } from '../options/options.js'
import type { TargetOptions } from '../options/options.js'
import type { ProxyOptions } from './proxy-options.js'
import { headerRewriting } from './rewriting.js'
import { declareTargets } from './route-targets.js'
import { isOurs, isUpgradable } from './route-upgrades.js'
import type { GatewayState } from './state.js'

/** How a route's requests are forwarded. */
export interface ForwardRoutes { readonly route: ForwardRoute, readonly upgradeRoute: ForwardRoute, readonly dispatcher: Dispatcher }

/** Declares a route and its targets to the app's state. */
export function declareRoute (state: GatewayState, prefix: string, options: ProxyOptions, given: TargetOptions): ForwardRoutes {
  const { settings } = state
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
  if (wsTarget === undefined) state.routes.push({ ...declared, target, upgradable: isUpgradable(options) && isOurs(options) })
  else state.routes.push({ ...declared, target: wsTarget, upgradable: true }, ...target === undefined ? [] : [{ ...declared, target, upgradable: false }])
  return { route, upgradeRoute: wsTarget === undefined ? route : { ...route, targetOf: () => wsTarget }, dispatcher }
}
