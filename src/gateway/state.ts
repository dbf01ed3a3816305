import type { FastifyInstance, RawServerBase } from 'fastify'
import type { ConnectionObserver } from '../connection/observer.js'
import { HoldfastError } from '../errors.js'
import type { Upgrades } from '../forward/upgrade.js'
import type { ResolvedRouteOptions } from '../options/route-options.js'
import type { ResolvedTargetOptions } from '../options/target-options.js'
import { TargetRegistry } from '../target/registry.js'
import type { Target } from '../target/target.js'
import { findTracing } from '../target/tracing.js'
import type { Gateway } from './gateway.js'
import { loggedEvents } from './logged-events.js'
import { RegistrationWarnings } from './registration-warnings.js'
import type { GatewaySettings } from './settings.js'

/** A route as it was declared. */
export interface DeclaredRoute {
  readonly prefix: string
  /** As it was given, or the endpoints in words; undefined where `getUpstream` chooses for each request. */
  readonly upstream: string | undefined
  readonly options: ResolvedRouteOptions
  /** Whether Holdfast makes tunnels of its upgrades. */
  readonly upgradable: boolean
  /** Undefined where `getUpstream` chooses for each request. */
  readonly target: Target | undefined
  /** The options of every target that the route uses. */
  readonly targetOptions: ResolvedTargetOptions
}

/** What the plugins of Holdfast share in one app. */
export class GatewayState implements Gateway {
  readonly targets: TargetRegistry
  readonly settings: GatewaySettings
  /** Closes the app; the drain plugin puts its own in this place. */
  drain: () => Promise<void>
  /** Tunnels, and requests that wait to become one. */
  readonly upgrades: Upgrades = new Set()
  /** In the order of registration. A route that has both an `upstream` and a `wsUpstream` of its own is there twice. */
  readonly routes: DeclaredRoute[] = []
  /** Once true, readiness answers 503. */
  draining = false
  /** Set by the admin plugin. `url` can be asked from this machine; `boundUrl` has the address that is bound, like 0.0.0.0. */
  admin: { readonly url: string, readonly boundUrl: string } | undefined
  readonly warnings: RegistrationWarnings

  constructor (app: FastifyInstance, settings: GatewaySettings) {
    this.settings = settings
    this.warnings = new RegistrationWarnings(app)
    this.drain = () => app.close()
    this.targets = new TargetRegistry({
      maxDynamicTargets: settings.maxDynamicTargets,
      onObserverError: err => app.log.error({ err }, 'a connection observer threw and was removed'),
      onDiscovery: (target, report) => {
        if (report.type === 'well') app.log.info({ target }, 'discovery answers again')
        else app.log.warn({ target, kind: report.fault.kind, err: report.fault.cause }, `discovery: ${report.fault.message}`)
      }
    })
  }

  observe (observer: ConnectionObserver): () => void {
    return this.targets.observe(observer)
  }
}

// By server: each scope of an app is an object of its own, and all share the server.
const states = new WeakMap<object, GatewayState>()

/** The app's state; undefined where no plugin of Holdfast is registered. */
export function existingState (app: Pick<FastifyInstance<RawServerBase>, 'server'>): GatewayState | undefined {
  return states.get(app.server)
}

/** The app's state, for a plugin that needs the gateway plugin. Throws HOLDFAST_ERR_OPTION where that is not registered before it. */
export function stateBefore (plugin: string, app: FastifyInstance): GatewayState {
  const state = existingState(app)
  if (state === undefined) {
    throw new HoldfastError('HOLDFAST_ERR_OPTION', { message: `the ${plugin} plugin needs the gateway plugin before it` })
  }
  return state
}

/** Makes the app's state. Its connections close with the app. */
export function createState (app: FastifyInstance, settings: GatewaySettings): GatewayState {
  const state = new GatewayState(app, settings)
  states.set(app.server, state)
  const severalAt = (name: string): boolean => (state.targets.get(name)?.endpoints.list().length ?? 0) > 1
  state.observe(loggedEvents(app.log, severalAt))
  // Not earlier: an app may register its tracing after the gateway.
  app.addHook('onReady', async () => { state.targets.tracing = findTracing(settings.mask) })
  app.addHook('onClose', async () => {
    // All requests of clients have ended by now: no connection that is left is in use by one.
    state.targets.destroy()
  })
  return state
}

/**
 * The gateway of an app that has the gateway plugin, or a proxy alone. Throws HOLDFAST_ERR_OPTION where it has neither.
 *
 * @param app any Fastify instance: of HTTP/1 or HTTP/2, with any logger and type provider
 */
export function getGateway (app: Pick<FastifyInstance<RawServerBase>, 'server'>): Gateway {
  const state = existingState(app)
  if (state === undefined) {
    throw new HoldfastError('HOLDFAST_ERR_OPTION', {
      message: 'this app has no gateway; register the gateway plugin, or a proxy, and await it first'
    })
  }
  return state
}
