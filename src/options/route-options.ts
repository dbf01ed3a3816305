import type { AllGiven } from './all-given.js'
import { checkRows } from './groups.js'
import type { RouteOptions } from './option-types.js'
import { defaultsOf, nameOf, rowsOf } from './table.js'

export type ResolvedRouteOptions = AllGiven<RouteOptions>

const ROWS = rowsOf('', 'gateway and route').filter(({ ofTarget }) => ofTarget !== true)
const DEFAULTS = defaultsOf('', 'gateway and route') as AllGiven<RouteOptions>

/** Names of a route's settings, as gateway and proxy take them. */
export const ROUTE_NAMES = ROWS.map(({ path }) => nameOf(path) as keyof RouteOptions)

/**
 * The gateway's route settings under the route's own, over the defaults. Throws HOLDFAST_ERR_OPTION for the first value, of the gateway or
 * of the route, that cannot be.
 */
export function resolveRouteOptions (gateway: RouteOptions, route: RouteOptions): ResolvedRouteOptions {
  checkRows(gateway, ROWS)
  checkRows(route, ROWS)
  const resolved: Record<string, unknown> = {}
  for (const name of ROUTE_NAMES) resolved[name] = route[name] ?? gateway[name] ?? DEFAULTS[name]
  return Object.freeze(resolved) as ResolvedRouteOptions
}
