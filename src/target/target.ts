import { Dispatcher } from 'undici'
import type { ConnectionSnapshot } from '../connection/connection.js'
import type { Persistence } from '../connection/observer.js'
import { HoldfastError } from '../errors.js'
import { clientCertificateEnd } from '../options/certificate-end.js'
import type { ResolvedTargetOptions, TargetPatch } from '../options/target-options.js'
import type { DiscoveryView } from '../discovery/discovery.js'
import type { EndpointSnapshot } from '../endpoint/endpoint-snapshot.js'
import { dispatchTo } from './dispatch.js'
import type { IdleLimit } from './idle-limit.js'
import type { Totals } from './tally.js'
import type { TargetCore } from './target-core.js'
import { EndpointsOfTarget } from './target-endpoints.js'
import type { TargetEndpoints } from './target-endpoints.js'

/** The state of a target at one moment; times in ms. */
export interface TargetSnapshot {
  /** The target's name. */
  readonly name: string
  /** The backend's origin. */
  readonly origin: string
  /** What is believed of the backend: whether it keeps connections open. */
  readonly persistence: Persistence
  /** The effective options. */
  readonly limits: ResolvedTargetOptions
  /** Connections and waiting requests, now. */
  readonly connections: {
    /** Connections that carry a request. */
    readonly active: number
    /** Connections that wait for a request. */
    readonly idle: number
    /** Dials under way. */
    readonly connecting: number
    /** Requests that wait for a connection and have no dial under way. */
    readonly pending: number
    /** Connections that are tunnels. */
    readonly upgraded: number
  }
  /** Counts since the target was made. */
  readonly totals: Totals
  /** How long a connection may lie unused now, and why. */
  readonly idleLimit: IdleLimit
  /** The connection that is left idle past a learned limit, to see when the backend closes it. It does not count in `connections`. */
  readonly sentinel: {
    /** How long it has been idle. */
    readonly idleMs: number
  } | undefined
  /** When certificates end (`notAfter`), in ms since 1970. */
  readonly certificates: {
    /** The one that the backend showed for itself when it last resumed no session; undefined before, and without TLS. */
    readonly backend: number | undefined
    /** The first to end of `undiciOptions.connect.cert`; undefined without one. One in a `pfx` or a `secureContext` is not read. */
    readonly client: number | undefined
  }
  /** 1 - connections opened / exchanges; 0 before the first exchange. */
  readonly reuseRatio: number
  /** What connections cost to open. */
  readonly connectMs: {
    /** The mean time to connect; 0 before the first connection. */
    readonly mean: number
    /** The connect time that reused connections have saved in all, at that mean. */
    readonly saved: number
  }
  /** One by one. `connections` has the sums over them. */
  readonly endpoints: readonly EndpointSnapshot[]
  /** How discovery goes; undefined where the endpoints are given. */
  readonly discovery: DiscoveryView | undefined
}

let coreOf: (target: Target) => TargetCore

/** The parts of a target that are not its public interface. Not for what `compose()` returns. */
export function internalsOf (target: Target): TargetCore {
  return coreOf(target)
}

/**
 * One backend origin with its settings: an undici Dispatcher over a managed pool, for `fetch(url, { dispatcher })`,
 * `undici.request`, interceptors through `compose`, and `reply.from`. Fails with HOLDFAST_ERR_WRONG_ORIGIN where a request
 * names another origin.
 */
export class Target extends Dispatcher {
  /** Unique in the app: the name that the route gives, or else the origin, with the route's prefix for a second target of an origin. */
  readonly name: string
  /** The backend's origin, as in `http://users:3000`. */
  readonly origin: string
  /** Its endpoints: one, unless `upstream` is a list, or is discovered. */
  readonly endpoints: TargetEndpoints
  readonly #core: TargetCore

  static {
    coreOf = target => target.#core
  }

  constructor (core: TargetCore) {
    super()
    this.name = core.name
    this.origin = core.origin.origin
    this.#core = core
    this.endpoints = new EndpointsOfTarget(core)
    // compose() puts a Proxy in front of a target. A method called on the Proxy has the Proxy for `this`, which has no private members.
    this.dispatch = this.dispatch.bind(this)
    this.close = this.close.bind(this) as Dispatcher['close']
    this.destroy = this.destroy.bind(this) as Dispatcher['destroy']
    this.snapshot = this.snapshot.bind(this)
    this.connections = this.connections.bind(this)
    this.update = this.update.bind(this)
    this.setPersistence = this.setPersistence.bind(this)
    this.persistenceOf = this.persistenceOf.bind(this)
    this.keepApart = this.keepApart.bind(this)
    this.evict = this.evict.bind(this)
  }

  /** The effective options. */
  get options (): ResolvedTargetOptions { return this.#core.options }
  /** What is believed of the backend: whether it keeps connections open. */
  get persistence (): Persistence { return this.#core.endpoints.persistence }
  /** Whether the target takes no new work: it was closed or destroyed. */
  get closed (): boolean { return this.#core.closed }
  /** Whether `destroy` was called. */
  get destroyed (): boolean { return this.#core.destroyed }

  /**
   * Works as `dispatch` of undici's `Client`, for handlers of either dialect, except that `onConnect` and `onRequestStart` come before a
   * connection is acquired. Options that undici refuses fail with undici's errors. What fails later fails with `HOLDFAST_ERR_*`, or with
   * the error that the caller aborted with. `blocking`, `expectContinue`, `typeOfService` and `servername` have no effect. `idempotent` is
   * true by default for each idempotent method (RFC 9110 section 9.2.2), and for a request with an `Idempotency-Key`. Returns false for a
   * request that was refused.
   */
  override dispatch (options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    const origin = options?.origin ?? this.origin
    return dispatchTo(this.#core, options, handler, this.#isOwn(origin) ? undefined : new HoldfastError('HOLDFAST_ERR_WRONG_ORIGIN'))
  }

  /** The target's state now. The object does not change later. */
  snapshot (): TargetSnapshot {
    const { pools, endpoints, tally, belief, options, certificateEnd } = this.#core
    return {
      name: this.name,
      origin: this.origin,
      persistence: endpoints.persistence,
      limits: options,
      connections: {
        active: pools.activeCount,
        idle: pools.idleCount,
        connecting: pools.connectingCount,
        pending: pools.pendingCount,
        upgraded: pools.upgradedCount
      },
      totals: structuredClone(tally.totals),
      idleLimit: belief.limit,
      sentinel: pools.sentinel.idleMs === undefined ? undefined : { idleMs: pools.sentinel.idleMs },
      certificates: { backend: certificateEnd, client: clientCertificateEnd(options.undiciOptions.connect) },
      reuseRatio: tally.reuseRatio,
      connectMs: tally.connectMs,
      endpoints: this.endpoints.list(),
      discovery: endpoints.discovery()
    }
  }

  /** The target's connections now, without upgraded ones. */
  connections (): ConnectionSnapshot[] {
    return this.#core.pools.connections()
  }

  /**
   * Changes settings while the target runs. The patch is laid over the present settings one level deep, and is checked whole before
   * anything changes. New limits hold at once; nothing in flight is disturbed. Where the patch changes how connections are made (`connect`,
   * addresses, sizes), idle connections end at once, and active ones end with their exchange. A patch with any option of the TLS identity
   * (`ca`, `cert`, `key`, `secureContext`, `servername`, `rejectUnauthorized`, `minVersion` ...) replaces all of that identity. Throws
   * HOLDFAST_ERR_OPTION, and changes nothing, for an option that is refused, and for a certificate or key that cannot be used.
   */
  update (patch: TargetPatch): void {
    this.#core.update(patch)
  }

  /**
   * Sets what is believed of the backend. `non-persistent` closes idle connections at once, lets active ones finish, and gives every
   * request a connection of its own. `trial` makes the next GET that can be sent again test the backend. `persistent` is the state at the
   * start. While the target's own options switch keep-alive off, only `non-persistent` has an effect.
   *
   * @param cause the reason, for a person who reads logs or the admin page
   * @param endpoint the id or the address of the one that it is said of; without it, of all endpoints
   */
  setPersistence (state: Persistence, cause: string, endpoint?: string): void {
    this.#core.setPersistence(state, cause, endpoint === undefined ? undefined : this.#core.endpoints.named(endpoint))
  }

  /** What is believed of one endpoint. @param endpoint its id or address; HOLDFAST_ERR_UNKNOWN_ENDPOINT where the target has no such one */
  persistenceOf (endpoint: string): Persistence {
    return this.#core.endpoints.named(endpoint).persistence
  }

  /**
   * Sets after which kinds of requests the backend closes its connection while it keeps others. A kind is a method, followed by `+` for
   * requests with a body, as in `POST+`. Each request of these kinds gets a fresh connection, which is kept if the backend keeps it. The
   * given set replaces the one before; an endpoint begins with none. Without `endpoint` (an id or an address), it is said of all endpoints.
   */
  keepApart (kinds: ReadonlySet<string>, endpoint?: string): void {
    const { endpoints } = this.#core
    for (const { kept } of endpoint === undefined ? endpoints.all : [endpoints.named(endpoint)]) kept.apart = kinds
  }

  /** Closes all idle connections; returns how many. */
  evict (): number {
    return this.#core.pools.evict('evicted')
  }

  /** Takes no new work and resolves when what is in flight is done. */
  override close (): Promise<void>
  override close (callback: () => void): void
  override close (callback?: () => void): Promise<void> | void {
    const closing = this.#core.close()
    if (callback === undefined) return closing
    closing.then(callback, callback)
  }

  /** Ends every connection at once; what is in flight fails. */
  override destroy (): Promise<void>
  override destroy (error: Error | null): Promise<void>
  override destroy (callback: () => void): void
  override destroy (error: Error | null, callback: () => void): void
  override destroy (error?: Error | null | (() => void), callback?: () => void): Promise<void> | void {
    const done = typeof error === 'function' ? error : callback
    this.#core.destroy()
    if (done === undefined) return Promise.resolve()
    queueMicrotask(done)
  }

  #isOwn (origin: string | URL): boolean {
    if (origin === this.origin) return true
    try {
      return new URL(origin).origin === this.origin
    } catch {
      return false
    }
  }
}
