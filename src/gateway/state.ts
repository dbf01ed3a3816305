import type { FastifyInstance } from 'fastify'
import type { ConnectionObserver } from '../connection/observer.js'
import { HoldfastError } from '../errors.js'
import type { Upgrades } from '../forward/upgrade.js'
import type { ResolvedRouteOptions } from '../options/route-options.js'
import type { ResolvedTargetOptions } from '../options/target-options.js'
import { TargetRegistry } from '../target/registry.js'
import type { Target } from '../target/target.js'
import { findTracing } from '../target/tracing.js'
import type { Gateway } from './gateway.js'
import { RegistrationWarnings } from './registration-warnings.js'
import type { GatewaySettings } from './settings.js'

/** A route as it was declared: what there is to see of it before it has served anything. */
export interface DeclaredRoute {
  readonly prefix: string
  readonly options: ResolvedRouteOptions
  /** Whether it makes tunnels of upgrades. */
  readonly upgradable: boolean
  /** undefined where each request chooses, by getUpstream. */
  readonly target: Target | undefined
  /** The settings of whatever target it comes to. */
  readonly targetOptions: ResolvedTargetOptions
}

/** What all of an app's Holdfast plugins share. */
export class GatewayState implements Gateway {
  readonly targets: TargetRegistry
  readonly settings: GatewaySettings
  /** Set by the drain plugin; without it, closing the app is all there is. */
  drain: () => Promise<void>
  /** Tunnels, and what waits to become one. */
  readonly upgrades: Upgrades = new Set()
  /** In the order of their registration; one with a wsUpstream of its own is there twice. */
  readonly routes: DeclaredRoute[] = []
  /** Readiness is 503 from here on. */
  draining = false
  /** Set by the admin plugin. */
  admin: { readonly url: string } | undefined
  readonly warnings: RegistrationWarnings

  constructor (app: FastifyInstance, settings: GatewaySettings) {
    this.settings = settings
    this.warnings = new RegistrationWarnings(app.log)
    this.drain = () => app.close()
    this.targets = new TargetRegistry({
      maxDynamicTargets: settings.maxDynamicTargets,
      onObserverError: err => app.log.error({ err }, 'a connection observer threw and was removed')
    })
  }

  observe (observer: ConnectionObserver): () => void {
    return this.targets.observe(observer)
  }
}

// By server: what a plugin sees as its app differs from scope to scope, the server is one for all of an app's.
const states = new WeakMap<object, GatewayState>()

/** The app's state where a plugin of ours has been registered. */
export function existingState (app: FastifyInstance): GatewayState | undefined {
  return states.get(app.server)
}

/** The state of an app whose gateway plugin comes before the plugin that needs it. */
export function stateBefore (plugin: string, app: FastifyInstance): GatewayState {
  const state = existingState(app)
  if (state === undefined) throw new HoldfastError('HOLDFAST_ERR_OPTION', { message: `the ${plugin} plugin needs the gateway plugin before it` })
  return state
}

/** Makes the app's state. Its connections are closed with the app. */
export function createState (app: FastifyInstance, settings: GatewaySettings): GatewayState {
  const state = new GatewayState(app, settings)
  states.set(app.server, state)
  state.observe({
    persistenceChanged: (target, from, to, cause) => app.log.info({ target, from, to, cause }, `${target} is ${to}: ${cause}`)
  })
  // Not before: an app may register its tracing after its gateway.
  app.addHook('onReady', async () => { state.targets.tracing = findTracing() })
  app.addHook('onClose', async () => {
    // All of the clients' requests have ended by now; what is left are connections that nobody waits for.
    state.targets.destroy()
  })
  return state
}

/** The app's gateway, whichever of the plugins it was registered by. Throws where none has been. */
export function getGateway (app: FastifyInstance): Gateway {
  const state = existingState(app)
  if (state === undefined) throw new HoldfastError('HOLDFAST_ERR_OPTION', { message: 'this app has no gateway; register the gateway plugin, or a proxy, and await it first' })
  return state
}
