import type { CheckedApp, CheckedRoute, CheckedServer, CheckedTarget, Surroundings } from '../../src/check/rule.js'
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

function targetOf ({ origin = 'https://users.internal:3000', name = origin ?? 'chosen', options = {}, routes = [{}], measured }: TargetCase): CheckedTarget {
  return {
    name,
    origin: origin === null ? undefined : new URL(origin),
    options: resolveTargetOptions({}, options),
    routes: routes.map(({ prefix = '/users', options = {}, upgradable = false }): CheckedRoute => ({ prefix, options: resolveRouteOptions({}, options), upgradable })),
    measured: measured === undefined || 'unreachable' in measured ? measured as { unreachable: string } | undefined : { ...NGINX, ...measured }
  }
}
