import type { FastifyInstance } from 'fastify'
import type { ConnectionObserver } from '../connection/observer.js'
import { logLine, warningsFor } from '../check/warnings.js'
import { HoldfastError } from '../errors.js'
import type { Upgrades } from '../forward/upgrade.js'
import type { RouteOptions, TargetOptions } from '../options/option-types.js'
import type { ResolvedRouteOptions } from '../options/route-options.js'
import type { ResolvedTargetOptions } from '../options/target-options.js'
import type { OptionWarning } from '../options/warning.js'
import { TargetRegistry } from '../target/registry.js'
import type { Target } from '../target/target.js'
import { findTracing } from '../target/tracing.js'
import { DEFAULT_GATEWAY } from '../options/gateway-options.js'

/** What an app may do with its gateway: `app.gateway`. */
export interface Gateway {
  /** All targets: iterate, or `get(name)`. */
  readonly targets: Iterable<Target> & {
    /** A target by its name. */
    get (name: string): Target | undefined
  }
  /** Tells an observer of every connection from now on; returns what stops it. */
  observe (observer: ConnectionObserver): () => void
  /**
   * Ends the app in good order: readiness says 503, requests are served for `drain.delay` more, then `app.close()` finishes
   * what is in flight, within `drain.deadline`.
   */
  drain (): Promise<void>
  /** Where the admin surface listens, while it does. */
  readonly admin?: {
    /** Of its listener, as `http://127.0.0.1:9901`. */
    readonly url: string
  } | undefined
}

declare module 'fastify' {
  interface FastifyInstance {
    /** Present where the `gateway` plugin is; `getGateway(app)` is there in any case. */
    gateway?: Gateway
  }
}

/** The gateway-wide settings that routes are made under. */
export interface GatewaySettings {
  readonly defaults: TargetOptions & RouteOptions
  /** Passes through this gateway after which a request is refused with 508. */
  readonly maxHops: number
  /** Targets that getUpstream may make. */
  readonly maxDynamicTargets: number
}

/** What holds for an app that registers a proxy without the gateway plugin. */
export const DEFAULT_SETTINGS: GatewaySettings = { defaults: {}, ...DEFAULT_GATEWAY }

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
  readonly #app: FastifyInstance
  readonly #told = new Map<string, OptionWarning & { readonly route: string }>()

  constructor (app: FastifyInstance, settings: GatewaySettings) {
    this.#app = app
    this.settings = settings
    this.drain = () => app.close()
    this.targets = new TargetRegistry({
      maxDynamicTargets: settings.maxDynamicTargets,
      onObserverError: err => app.log.error({ err }, 'a connection observer threw and was removed')
    })
  }

  observe (observer: ConnectionObserver): () => void {
    return this.targets.observe(observer)
  }

  /** What has been warned about at register, once each. */
  get told (): readonly (OptionWarning & { readonly route: string })[] {
    return [...this.#told.values()]
  }

  /** Logs what somebody will regret, once each, with its code. */
  warn (where: string, warnings: readonly OptionWarning[]): void {
    for (const warning of warnings) {
      // By its words too: one code stands for each of several options that have no effect.
      const key = `${warning.id} ${where} ${warning.found}`
      if (this.#told.has(key)) continue
      this.#told.set(key, { ...warning, route: where })
      const { code, message } = logLine(warning)
      this.#app.log.warn({ code, route: where }, message)
    }
  }

  /** Warns of what was set for a route, or for the gateway. */
  warnOf (where: string, given: TargetOptions): void {
    this.warn(where, warningsFor(given))
  }
}

// By server: what a plugin sees as its app differs from scope to scope, the server is one for all of an app's.
const states = new WeakMap<object, GatewayState>()

/** The app's state where a plugin of ours has been registered. */
export function existingState (app: FastifyInstance): GatewayState | undefined {
  return states.get(app.server)
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
