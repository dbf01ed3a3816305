import { envSchema } from 'env-schema'
import type { MaskedNames } from '../http/secret-names.js'
import type { RuleId } from '../check/rules.js'
import type { AffinityOption } from '../options/affinity-option.js'
import type { AdminOptions, EndpointOptions } from '../options/option-types.js'
import { VERBOSE, faultOf } from '../quirks/env-schema.js'
import { readAdmin } from './admin-variables.js'
import { readAffinity } from './affinity-variables.js'
import { readDotEnv } from './dot-env.js'
import { wrongValue } from './environment-error.js'
import { OF_CLIENTS, checkHost } from './listen-host.js'
import { readMaskedNames } from './masked-names.js'
import { readSkippedPaths } from './skipped-paths.js'
import { readIgnoredWarnings } from './ignored-warnings.js'
import { readMetricsPath } from './metrics-path.js'
import { readProduction } from './production.js'
import { readSamples } from './samples-wanted.js'
import type { Samples } from './samples-wanted.js'
import { readTrustProxy } from './trust-proxy.js'
import { refuseOwnAddress } from './own-address.js'
import type { Listener } from './own-address.js'
import { readUpstreams } from './upstreams.js'
import type { UpstreamEntry } from './upstream-entry.js'
import { OF_A_SERVICE, refuseTypos } from './variable-typos.js'
import { VARIABLES } from './variables.js'
import type { Values, VariableName } from './variables.js'

/** The settings of the microservice. Times in ms. `undefined` leaves a setting at the default of the gateway plugin. */
export interface Environment {
  readonly host: string
  readonly port: number
  readonly upstreams: readonly UpstreamEntry[]
  /** Whether upgrades to the upstreams become tunnels (WebSocket). */
  readonly websocket: boolean
  /** The most upgraded connections to one backend. */
  readonly maxUpgraded: number | undefined
  readonly tunnelIdleTimeout: number | undefined
  readonly keepAliveTimeout: number | undefined
  readonly maxConnectionAge: number | undefined
  readonly connections: number | undefined
  /** The most connections to all endpoints of a backend together. */
  readonly maxTargetConnections: number | undefined
  readonly maxPending: number | undefined
  readonly pendingTimeout: number | undefined
  readonly connectTimeout: number | undefined
  readonly headersTimeout: number | undefined
  readonly bodyTimeout: number | undefined
  readonly totalTimeout: number | undefined
  /** The largest body of a request, in bytes. */
  readonly bodyLimit: number | undefined
  readonly balance: EndpointOptions['balance']
  readonly affinity: AffinityOption | undefined
  /** Whether an endpoint that fails gets no requests for a while. */
  readonly ejection: boolean
  /** The path that endpoints are asked for whether they serve; undefined: they are not. */
  readonly healthCheckPath: string | undefined
  readonly discoveryRefresh: number | undefined
  readonly clientBodyTimeout: number | undefined
  /** How long an idle connection of a client is kept: Fastify's `keepAliveTimeout`. */
  readonly clientKeepAliveTimeout: number | undefined
  /** Whose X-Forwarded-* headers are believed: true: all clients'; false: no client's; or those of these addresses and ranges. */
  readonly trustProxy: boolean | string[]
  readonly drainDelay: number | undefined
  readonly drainDeadline: number | undefined
  /** Whether responses have a `Proxy-Status` header. */
  readonly proxyStatus: boolean
  /** Whether forwarded messages have a `Via` header. */
  readonly via: boolean
  /** Where the admin surface listens; undefined, for no admin surface, unless ADMIN_PORT is set. */
  readonly admin: AdminOptions | undefined
  /** Where the clients' port serves metrics; undefined, for nowhere, unless METRICS_PATH is set. */
  readonly metricsPath: string | undefined
  readonly logLevel: string
  /** The parameters of URLs that are masked in the log; undefined: the default ones. */
  readonly logMask: MaskedNames | undefined
  /** Paths whose requests are not logged at `info`; each that ends in `/*` is all below it. */
  readonly logSkipPaths: readonly string[]
  /** Whether the sample backends may run where there is nothing else to proxy. */
  readonly samples: Samples
  /** Whether the microservice sends a low load to the samples, where they run. */
  readonly sampleLoad: boolean
  readonly production: boolean
  /** Rules of `holdfast check` whose warnings are not logged at start. */
  readonly ignoredWarnings: ReadonlySet<RuleId>
}

// Without a .env the samples run, which the network is not meant to reach. A deployment that forgets HOST fails at its first request, and
// is noticed; a port that is open by mistake is not.
const HOST = '127.0.0.1'
const PORT = 8080
const LOG_LEVEL = 'info'

/**
 * Reads the microservice's settings from a .env file, where there is one, and from `variables`, which win. Throws EnvironmentError for a
 * variable whose name is most likely misspelled, or else for the first one whose value is not possible.
 *
 * @param path of the .env file, relative to the working directory
 */
export function readEnvironment (variables: NodeJS.ProcessEnv = process.env, path = '.env'): Environment {
  const file = readDotEnv(path)
  const given = { ...file, ...variables }
  refuseTypos(variables, { file, path }, Object.keys(VARIABLES), given['IGNORED_VARIABLES'])
  const values = checked(given)
  const host = values.HOST || HOST
  checkHost(host, OF_CLIENTS)
  const port = values.PORT ?? PORT
  const upstreams = readUpstreams(values.UPSTREAMS ?? '')
  const admin = readAdmin(values, { host, port })
  refuseOwnAddress(upstreams, listenersOf(host, port, admin))
  return Object.freeze({
    host,
    port,
    upstreams,
    websocket: readWebSocket(values, upstreams),
    maxUpgraded: values.MAX_UPGRADED ?? undefined,
    tunnelIdleTimeout: values.TUNNEL_IDLE_TIMEOUT_MS ?? undefined,
    keepAliveTimeout: values.KEEP_ALIVE_TIMEOUT_MS ?? undefined,
    maxConnectionAge: values.MAX_CONNECTION_AGE_MS ?? undefined,
    connections: values.CONNECTIONS ?? undefined,
    maxTargetConnections: values.MAX_TARGET_CONNECTIONS ?? undefined,
    maxPending: values.MAX_PENDING ?? undefined,
    pendingTimeout: values.PENDING_TIMEOUT_MS ?? undefined,
    connectTimeout: values.CONNECT_TIMEOUT_MS ?? undefined,
    headersTimeout: values.HEADERS_TIMEOUT_MS ?? undefined,
    bodyTimeout: values.BODY_TIMEOUT_MS ?? undefined,
    totalTimeout: values.TOTAL_TIMEOUT_MS ?? undefined,
    bodyLimit: values.BODY_LIMIT ?? undefined,
    balance: (values.BALANCE || undefined) as EndpointOptions['balance'],
    affinity: readAffinity(values),
    ejection: values.EJECTION !== 'false',
    healthCheckPath: values.HEALTH_CHECK_PATH || undefined,
    discoveryRefresh: values.DISCOVERY_REFRESH_MS ?? undefined,
    clientBodyTimeout: values.CLIENT_BODY_TIMEOUT_MS ?? undefined,
    clientKeepAliveTimeout: values.CLIENT_KEEP_ALIVE_TIMEOUT_MS ?? undefined,
    trustProxy: readTrustProxy(values.TRUST_PROXY ?? ''),
    drainDelay: values.DRAIN_DELAY_MS ?? undefined,
    drainDeadline: values.DRAIN_DEADLINE_MS ?? undefined,
    proxyStatus: values.PROXY_STATUS === 'true',
    via: values.VIA !== 'false',
    admin,
    metricsPath: readMetricsPath(values.METRICS_PATH ?? '', upstreams),
    logLevel: values.LOG_LEVEL || LOG_LEVEL,
    logMask: readMaskedNames(values.LOG_MASK ?? ''),
    logSkipPaths: readSkippedPaths(values.LOG_SKIP_PATHS ?? ''),
    samples: readSamples(values),
    sampleLoad: values.SAMPLE_LOAD !== '0',
    production: readProduction(values.NODE_ENV ?? ''),
    ignoredWarnings: readIgnoredWarnings(values.IGNORED_WARNINGS ?? '')
  })
}

function listenersOf (host: string, port: number, admin: AdminOptions | undefined): Listener[] {
  const own: Listener = { host, port, variable: 'PORT' }
  return admin === undefined ? [own] : [own, { host: admin.host ?? HOST, port: admin.port, variable: 'ADMIN_PORT' }]
}

function readWebSocket ({ WEBSOCKET: value }: Values, upstreams: readonly UpstreamEntry[]): boolean {
  if (value !== 'false') return true
  const contrary = upstreams.find(({ forWebSockets }) => forWebSockets)
  if (contrary === undefined) return false
  const why = `switches WebSockets off, and UPSTREAMS has a ws: or wss: URL for ${contrary.prefix}`
  throw wrongValue('WEBSOCKET', value, `${why}; leave WEBSOCKET out, or write http: or https:`)
}

function checked (given: NodeJS.Dict<string>): Values {
  try {
    return envSchema<Values>({ schema: { type: 'object', properties: VARIABLES }, env: false, data: given, ajv: VERBOSE })
  } catch (error) {
    const { name, value } = faultOf(error) ?? {}
    if (name === undefined || !(name in VARIABLES)) throw error
    if (name.endsWith('_PORT') && typeof value === 'string' && OF_A_SERVICE.test(value)) {
      const remedy = 'set enableServiceLinks: false in the spec of the pod'
      throw wrongValue(name, value, `was set by Kubernetes for a Service of that name; ${remedy}`)
    }
    throw wrongValue(name, value, `is not ${VARIABLES[name as VariableName].description}`)
  }
}
