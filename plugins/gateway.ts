import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { HoldfastError, optionError } from '../src/errors.js'
import { ROUTE_NAMES, TARGET_GROUPS, refuseUnknown, resolveRouteOptions, resolveTargetOptions } from '../src/options/options.js'
import type { RouteOptions, TargetOptions } from '../src/options/options.js'
import { admin } from './admin.js'
import { adminOptions } from '../src/admin/admin-options.js'
import type { AdminOptions } from '../src/admin/admin-options.js'
import { connectionInspector } from './connection-inspector.js'
import { DEFAULT_DRAIN, drain } from './drain.js'
import type { DrainOptions } from './drain.js'
import { health } from './health.js'
import { metrics, metricsOptions } from './metrics.js'
import type { MetricsOptions } from './metrics.js'
import { namingOptionsOf } from '../src/options/named-options.js'
import { LONGEST_TIMER } from '../src/options/timer.js'
import { pressure } from './pressure.js'
import type { PressureOptions } from './pressure.js'
import { shareReplies } from '../src/gateway/shared-replies.js'
import { registerRequestRules } from './request-rules.js'
import { DEFAULT_SETTINGS, createState, existingState } from '../src/gateway/state.js'

/** The defaults of every route and target, and what belongs to the whole gateway. Times in ms. */
export interface GatewayOptions extends TargetOptions, RouteOptions {
  /** Serve `/health/live` and `/health/ready` on the public port. No target is named there. false. */
  health?: boolean
  /** How often a request may pass this gateway before it is refused with 508. 8. */
  maxHops?: number
  /** Targets that `getUpstream` may make. 100. */
  maxDynamicTargets?: number
  /** Options of `@fastify/under-pressure`, or false for none. One that the app registers itself, before or after, takes its place. */
  pressure?: PressureOptions | false
  drain?: DrainOptions
  /** Serve metrics, in Prometheus' format, to whoever can reach the gateway: `{ path }`. The admin surface has them in any case. */
  metrics?: MetricsOptions
  /** Where the admin surface listens; none unless given. */
  admin?: AdminOptions
  /** How long a client may take for the head of a request. 60 000; 0 = no limit. */
  clientHeadersTimeout?: number
}

const OWN_NAMES = ['health', 'maxHops', 'maxDynamicTargets', 'pressure', 'drain', 'metrics', 'admin', 'clientHeadersTimeout']

/** The gateway: register it first, at the root, once. Throws HOLDFAST_ERR_OPTION for an option that cannot be. */
export const gateway = fp<GatewayOptions>((app, options) => namingOptionsOf('gateway', () => registerGateway(app, options)), { name: 'holdfast', fastify: '5.x' })

async function registerGateway (app: FastifyInstance, options: GatewayOptions): Promise<void> {
  if (existingState(app) !== undefined) {
    throw new HoldfastError('HOLDFAST_ERR_OPTION', {
      message: 'is registered twice, or after a proxy: register it once, before the first proxy, or the routes before it would not have its defaults'
    })
  }
  refuseUnknown(options, [...TARGET_GROUPS, ...ROUTE_NAMES, ...OWN_NAMES], '')
  // Refuses what is impossible now, and not with the first route.
  resolveTargetOptions(options, {})
  resolveRouteOptions(options, {})
  const maxHops = countOf('maxHops', options.maxHops, DEFAULT_SETTINGS.maxHops)
  const maxDynamicTargets = countOf('maxDynamicTargets', options.maxDynamicTargets, DEFAULT_SETTINGS.maxDynamicTargets)
  const draining = drainOptions(options.drain)
  const measuring = options.metrics === undefined ? undefined : metricsOptions(options.metrics)
  const administration = options.admin === undefined ? undefined : adminOptions(options.admin)
  if (options.health !== undefined && typeof options.health !== 'boolean') throw optionError('health', options.health, 'must be true or false')
  if (options.pressure !== undefined && options.pressure !== false) refuseAllButObject('pressure', options.pressure)
  // Unless it is given, the server keeps what its app set, or node's own 60 s.
  app.server.headersTimeout = timeOf('clientHeadersTimeout', options.clientHeadersTimeout, app.server.headersTimeout)

  const defaults: Record<string, unknown> = {}
  for (const name of [...TARGET_GROUPS, ...ROUTE_NAMES]) defaults[name] = options[name]
  const state = createState(app, { defaults, maxHops, maxDynamicTargets })
  app.decorate('gateway', state)
  state.warnOf('gateway', options)
  await registerRequestRules(app)
  await app.register(connectionInspector)
  // For handlers that call reply.from themselves: over the declared targets, and without its retries by status code.
  await shareReplies(app, { undici: state.targets.dispatcher, retryMethods: [] })
  await app.register(drain, draining)
  if (options.pressure !== false) await app.register(pressure, options.pressure ?? {})
  if (options.health === true) await app.register(health)
  if (measuring !== undefined || administration !== undefined) await app.register(metrics, measuring ?? {})
  if (administration !== undefined) await app.register(admin, administration)
}

function countOf (option: string, given: number | undefined, otherwise: number): number {
  if (given === undefined) return otherwise
  if (!Number.isSafeInteger(given) || given < 1) throw optionError(option, given, 'is no count; give a whole number above 0')
  return given
}

function timeOf (option: string, given: number | undefined, otherwise: number): number {
  if (given === undefined) return otherwise
  if (!Number.isInteger(given) || given < 0 || given > LONGEST_TIMER) throw optionError(option, given, `is no time; give whole milliseconds from 0 to ${LONGEST_TIMER}`)
  return given
}

function refuseAllButObject (option: string, given: unknown): void {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) throw optionError(option, given, 'must be an object')
}

function drainOptions (given: DrainOptions = {}): Required<DrainOptions> {
  refuseAllButObject('drain', given)
  refuseUnknown(given, Object.keys(DEFAULT_DRAIN), 'drain.')
  return {
    delay: timeOf('drain.delay', given.delay, DEFAULT_DRAIN.delay),
    deadline: timeOf('drain.deadline', given.deadline, DEFAULT_DRAIN.deadline)
  }
}
