import { isDiscoveryUrl } from '../discovery/discovery-url.js'
import { readUpstream } from '../discovery/read-upstream.js'
import type { ReadUpstream } from '../discovery/read-upstream.js'
import { addressOf } from '../discovery/source.js'
import { optionError } from '../errors.js'
import type { GivenEndpoint, UpstreamOption } from '../options/upstream-option.js'
import type { ProxyOptions, SingleOptions } from './proxy-options.js'
import { foreignWebSocketOptions, isOurs, isUpgradable, toHttp } from './route-upgrades.js'

/** Where a route leads. */
export interface RouteUpstream extends ReadUpstream {
  /** The addresses that were given (`host:port`), none where they are found; undefined where `upstream` is one URL. */
  readonly endpoints: ReadonlySet<string> | undefined
  /** For logs: what was given. */
  readonly text: string
}

// More of a list are not named in a log line.
const MOST_NAMED = 5

/** Reads the `upstream` of a route; undefined where `getUpstream` chooses each time. Throws HOLDFAST_ERR_OPTION for what cannot be. */
export function routeUpstream (options: ProxyOptions, prefix: string): RouteUpstream | undefined {
  const { upstream, wsUpstream, target = '' } = options
  if (upstream === undefined || upstream === '') return undefined
  // On a route with WebSockets http-proxy takes ws: and wss: URLs too. The route's other requests go to the same server.
  const given = isUpgradable(options) ? ofHttp(upstream) : upstream
  const read = readUpstream(given, [target, prefix.split('/')[1] ?? ''])
  const isOne = typeof given === 'string' && !isDiscoveryUrl(given)
  if (!isOne && isUpgradable(options) && !isOurs(options) && !wsUpstream) {
    const foreign = foreignWebSocketOptions(options)
    const why = `cannot be served by @fastify/http-proxy's own WebSocket client, which ${foreign.join(', ')} asks for`
    throw optionError('upstream', upstream, `${why}; give wsUpstream, or leave ${foreign.join(', ')} out`)
  }
  return { ...read, endpoints: isOne ? undefined : endpointsOf(read), text: textOf(upstream, read) }
}

/** The route's options as `@fastify/http-proxy` takes them. */
export function singleOptions (options: ProxyOptions, upstream: RouteUpstream | undefined): SingleOptions {
  return { ...options, upstream: upstream?.endpoints === undefined ? options.upstream as string | undefined : upstream.origin.href }
}

/** Refuses several endpoints for a route that is `@fastify/http-proxy`'s as it stands. @param foreign what asks for that */
export function refuseEndpoints ({ upstream: given }: ProxyOptions, upstream: RouteUpstream | undefined, foreign: string): void {
  if (upstream?.endpoints === undefined) return
  throw optionError('upstream', given, `needs a managed route, and ${foreign} asks for another transport; leave that out, or give one URL`)
}

function ofHttp (upstream: UpstreamOption): UpstreamOption {
  if (typeof upstream === 'string') return toHttp(upstream)
  if (typeof upstream === 'function') return upstream
  if (isList(upstream)) return upstream.map(endpointOfHttp)
  const { origin, endpoints } = upstream
  return {
    origin: typeof origin === 'string' ? toHttp(origin) : origin,
    endpoints: isList(endpoints) ? endpoints.map(endpointOfHttp) : endpoints
  }
}

function endpointOfHttp (given: GivenEndpoint): GivenEndpoint {
  if (typeof given === 'string') return toHttp(given)
  return typeof given?.url === 'string' ? { ...given, url: toHttp(given.url) } : given
}

function isList (given: unknown): given is readonly GivenEndpoint[] {
  return Array.isArray(given)
}

function endpointsOf ({ origin, plan }: ReadUpstream): ReadonlySet<string> {
  return new Set(plan.kind === 'list' ? plan.found.map(({ id }) => addressOf(new URL(`${origin.protocol}//${id}`))) : [])
}

function textOf (upstream: UpstreamOption, { origin, plan }: ReadUpstream): string {
  if (typeof upstream === 'string') return upstream
  if (plan.kind === 'function') return `the endpoints of ${origin.origin} that a function finds`
  if (plan.kind !== 'list') return origin.origin
  const urls = plan.found.map(({ id }) => `${origin.protocol}//${id}`)
  return urls.length <= MOST_NAMED ? urls.join(', ') : `${urls.slice(0, MOST_NAMED).join(', ')} and ${urls.length - MOST_NAMED} more`
}
