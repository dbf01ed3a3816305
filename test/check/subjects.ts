import type { CheckedApp, CheckedRoute, CheckedServer, CheckedTarget, Surroundings } from '../../src/check/rule.js'
import { parseDiscoveryUrl } from '../../src/discovery/discovery-url.js'
import type { EndpointsPlan } from '../../src/discovery/endpoints-plan.js'
import { readGivenList } from '../../src/discovery/given-list.js'
import type { GivenEndpoint } from '../../src/options/upstream-option.js'
import { resolveRouteOptions } from '../../src/options/route-options.js'
import { resolveTargetOptions } from '../../src/options/target-options.js'
import type { RouteOptions, TargetOptions } from '../../src/options/option-types.js'
import type { ProbeReport } from '../../src/probe/report.js'

/** What a case sets; everything else has its default. */
export interface TargetCase {
  name?: string
  /** null: each request chooses its target. */
  origin?: string | null
  options?: TargetOptions
  routes?: { prefix?: string, options?: RouteOptions, upgradable?: boolean }[]
  measured?: Partial<ProbeReport> | { unreachable: string }
  /** A list, or one with discovery, in place of the origin alone. */
  upstream?: readonly GivenEndpoint[] | string
  /** What a probe has found of each endpoint, and what differs. */
  endpoints?: readonly (Partial<ProbeReport> | { unreachable: string })[]
  differences?: readonly string[]
  recommended?: ProbeReport['recommended']
  addresses?: CheckedTarget['addresses']
  unhealthy?: CheckedTarget['unhealthy']
}
export interface Case {
  /** Default: one target in a private network, over TLS. */
  targets?: TargetCase[]
  server?: Partial<CheckedServer>
  told?: CheckedApp['told']
  around?: Partial<Surroundings>
}

// What a probe of nginx on the same machine finds.
const NGINX: ProbeReport = {
  url: 'http://127.0.0.1/',
  httpVersion: '1.1',
  persistent: true,
  idleTimeoutMs: 75_000,
  closesBy: 'fin',
  requestsPerConnection: 1_000,
  hint: { timeoutMs: null, max: null },
  headReuses: true,
  postReuses: null,
  viaStopsCompression: false,
  connectMs: 0.3,
  tlsMs: null,
  tlsResumes: null,
  lies: [],
  recommended: { undiciOptions: {}, pool: {} }
}

// The defaults of Fastify and node.
const SERVER: CheckedServer = { keepAliveTimeout: 72_000, headersTimeout: 60_000, requestTimeout: 0, connectionTimeout: 0, trustProxy: false }

/** An app as the rules look at it. */
export function appOf ({ targets = [{}], server, told = [] }: Case): CheckedApp {
  return { name: 'app 1', server: { ...SERVER, ...server }, targets: targets.map(targetOf), told }
}

/** The surroundings of the app. */
export function aroundOf ({ around }: Case): Surroundings {
  return { replicas: 1, ...around }
}

function targetOf (given: TargetCase): CheckedTarget {
  const { upstream, options = {}, routes = [{}], addresses, unhealthy } = given
  const { origin = originOf(upstream) } = given
  const { name = origin ?? 'chosen' } = given
  return {
    name,
    origin: origin === null ? undefined : new URL(origin),
    plan: planOf(upstream),
    addresses,
    unhealthy,
    options: resolveTargetOptions({}, options),
    routes: routes.map(({ prefix = '/users', options = {}, upgradable = false }): CheckedRoute => ({ prefix, options: resolveRouteOptions({}, options), upgradable })),
    measured: measuredOf(given)
  }
}

function originOf (upstream: TargetCase['upstream']): string {
  if (upstream === undefined) return 'https://users.internal:3000'
  if (typeof upstream === 'string') return parseDiscoveryUrl(upstream).origin.origin
  const [first] = upstream
  return typeof first === 'string' ? first : first!.url
}

function planOf (upstream: TargetCase['upstream']): EndpointsPlan | undefined {
  if (upstream === undefined) return undefined
  if (typeof upstream === 'string') return { kind: 'url', url: parseDiscoveryUrl(upstream), upstream }
  return { kind: 'list', found: readGivenList(upstream, 'upstream').found }
}

function measuredOf ({ measured, endpoints, differences = [], recommended = NGINX.recommended }: TargetCase): CheckedTarget['measured'] {
  if (endpoints !== undefined) {
    return {
      origin: 'https://users.internal:3000',
      endpoints: endpoints.map((found, i) => {
        const address = `10.0.0.${i + 1}:3000`
        return 'unreachable' in found ? { address, unreachable: found.unreachable } : { address, report: { ...NGINX, ...found } }
      }),
      differences,
      recommended
    }
  }
  return measured === undefined || 'unreachable' in measured ? measured as { unreachable: string } | undefined : { ...NGINX, ...measured }
}
