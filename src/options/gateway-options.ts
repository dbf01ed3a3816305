import type { AllGiven } from './all-given.js'
import { checkGroup, checkRows, merged } from './groups.js'
import type { DrainOptions, GatewayOptions, LogOptions, MetricsOptions, RouteOptions, TargetOptions, WholeGatewayOptions } from './option-types.js'
import { resolveRouteOptions, ROUTE_NAMES } from './route-options.js'
import { GROUPS, defaultsOf, nameOf, rowsOf } from './table.js'
import { TARGET_NAMES, checkTargetOptions } from './target-options.js'
import { refuseUnknown } from './unknown-names.js'

const OWN = rowsOf('', 'gateway')
const OWN_GROUPS = GROUPS.filter(({ path, place }) => place === 'gateway' && path !== '').map(({ path }) => path)
const OF_ROUTES = [...TARGET_NAMES, ...ROUTE_NAMES]

/** What holds for an app that registers a proxy without the gateway, and under what a gateway is given. */
export const DEFAULT_GATEWAY = defaultsOf('', 'gateway') as { health: boolean, maxHops: number, maxDynamicTargets: number }
export const DEFAULT_DRAIN = defaultsOf('drain') as AllGiven<DrainOptions>

/** A gateway's options in effect; `admin` is checked where it is used. */
export interface ResolvedGatewayOptions {
  /** Given for the gateway; routes are resolved over it. */
  readonly defaults: TargetOptions & RouteOptions
  readonly health: boolean
  readonly maxHops: number
  readonly maxDynamicTargets: number
  readonly drain: AllGiven<DrainOptions>
  readonly metrics: MetricsOptions | undefined
  readonly log: LogOptions | undefined
  readonly clientHeadersTimeout: number | undefined
  readonly pressure: WholeGatewayOptions['pressure']
}

/** Throws HOLDFAST_ERR_OPTION for the first option that is unknown or cannot be. */
export function resolveGatewayOptions (options: GatewayOptions): ResolvedGatewayOptions {
  refuseUnknown(options, [...OF_ROUTES, ...OWN.map(({ path }) => nameOf(path)), ...OWN_GROUPS], '')
  // What is impossible for a route is refused here, and not with the first route.
  checkTargetOptions(options)
  resolveRouteOptions(options, {})
  checkRows(options, OWN)
  checkGroup(options.drain, 'drain')
  checkGroup(options.metrics, 'metrics')
  checkGroup(options.log, 'log')
  const { health, maxHops, maxDynamicTargets } = merged<WholeGatewayOptions>(DEFAULT_GATEWAY, options) as typeof DEFAULT_GATEWAY
  const defaults: Record<string, unknown> = {}
  for (const name of OF_ROUTES) defaults[name] = options[name]
  return {
    defaults,
    health,
    maxHops,
    maxDynamicTargets,
    drain: merged<DrainOptions>(DEFAULT_DRAIN, options.drain) as AllGiven<DrainOptions>,
    metrics: options.metrics,
    log: options.log,
    clientHeadersTimeout: options.clientHeadersTimeout,
    pressure: options.pressure
  }
}
