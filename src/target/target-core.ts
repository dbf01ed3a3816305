import type { Dialer } from '../connection/dial.js'
import type { ConnectionObserver, Persistence } from '../connection/observer.js'
import { PlacedSet } from '../connection/placed-set.js'
import type { PoolContext } from '../connection/pool-context.js'
import type { PoolHost } from '../connection/pool-host.js'
import { Pools } from '../connection/pools.js'
import type { EndpointsPlan } from '../discovery/endpoints-plan.js'
import type { Report } from '../discovery/reports.js'
import type { Endpoint } from '../endpoint/endpoint.js'
import { Endpoints } from '../endpoint/endpoints.js'
import type { EndpointsContext } from '../endpoint/endpoints.js'
import { keepsAlive, patchTargetOptions, sameConnections } from '../options/target-options.js'
import type { ResolvedTargetOptions, TargetPatch } from '../options/target-options.js'
import { Belief } from './belief.js'
import type { BeliefContext } from './belief.js'
import { Call } from './call.js'
import type { CallHandler, CallContext, CallRequest } from './call.js'
import { Tally } from './tally.js'
import { TargetEvents } from './target-events.js'
import type { Tracing } from './tracing.js'

/** A request that is meant for a target. */
export interface TargetClaim {
  /** Where it is among the claims of its target. */
  place: number
  /** The target was destroyed: it will not serve the request. */
  targetDestroyed (): void
}

export interface TargetInit {
  readonly name: string
  readonly origin: URL
  readonly options: ResolvedTargetOptions
  readonly plan: EndpointsPlan
  /** The app's observers. */
  readonly observers: Required<ConnectionObserver>
  readonly nextId: () => number
  readonly clock: () => number
  /** In ms since 1970. */
  readonly wallClock: () => number
  readonly tracing: () => Tracing | undefined
  /** Gets what discovery has to say, for the log. */
  readonly discoveryReported: (target: string, report: Report) => void
}

/**
 * The parts of a target, and what Holdfast's own code does with one; users have `Target`. Pools, endpoints, calls and belief read the options
 * here each time they need them, because an update replaces them.
 */
export class TargetCore implements PoolContext, EndpointsContext, CallContext, BeliefContext {
  readonly name: string
  readonly origin: URL
  options: ResolvedTargetOptions
  readonly tally = new Tally()
  readonly belief: Belief
  readonly observers: TargetEvents
  readonly pools: Pools
  readonly endpoints: Endpoints
  readonly wallClock: () => number
  readonly nextId: () => number
  readonly #tracing: () => Tracing | undefined
  readonly #claims = new PlacedSet<TargetClaim>()
  readonly #discoveryReported: TargetInit['discoveryReported']
  #closing: Promise<void> | undefined
  #destroyed = false

  constructor (init: TargetInit) {
    this.name = init.name
    // An upstream that a request chooses may have a path, which is no part of the origin.
    this.origin = new URL(init.origin.origin)
    this.options = init.options
    this.nextId = init.nextId
    this.#tracing = init.tracing
    this.belief = new Belief(this, init.clock)
    this.observers = new TargetEvents(this.tally, this.belief, init.observers)
    this.wallClock = init.wallClock
    this.pools = new Pools(this, init.clock)
    this.#discoveryReported = init.discoveryReported
    this.endpoints = new Endpoints(this, init.clock)
    this.endpoints.start(init.plan)
  }

  get closed (): boolean { return this.#closing !== undefined }
  get destroyed (): boolean { return this.#destroyed }
  /** When the certificate ends that a backend showed at its newest whole handshake, the first to end of all endpoints; in ms since 1970. */
  get certificateEnd (): number | undefined {
    const ends = this.endpoints.all.flatMap(({ certificateEnd }) => certificateEnd ?? [])
    return ends.length === 0 ? undefined : Math.min(...ends)
  }

  get tracing (): Tracing | undefined { return this.#tracing() }

  /** Whether nothing is in flight or waiting, and no request claims it. */
  get quiet (): boolean {
    const { pools } = this
    return this.#claims.size + pools.activeCount + pools.connectingCount + pools.pendingCount + pools.upgradedCount === 0
  }

  discoveryReported (report: Report): void {
    this.#discoveryReported(this.name, report)
  }

  /** Begins a request; the response goes to the handler. The caller starts the call. */
  call (request: CallRequest, handler: CallHandler): Call {
    this.tally.requested()
    return new Call(this, request, handler)
  }

  /**
   * Announces a request that may reach the pool later, for example while its body is collected. A target that was made for one request is
   * not closed to make room while a request claims it. If the target is destroyed all the same, it calls `targetDestroyed` of each claim.
   */
  claim (claim: TargetClaim): void {
    this.#claims.add(claim)
  }

  release (claim: TargetClaim): void {
    this.#claims.delete(claim)
  }

  update (patch: TargetPatch): void {
    const before = this.options
    const options = patchTargetOptions(before, patch)
    // Made first: they throw for a certificate or key that cannot be used, and then nothing is changed.
    const dialers = sameConnections(options, before) ? undefined : this.#dialersFor(options)
    this.options = options
    if (dialers !== undefined) {
      for (const [endpoint, dialer] of dialers) {
        endpoint.dialer = dialer
        // The new dialer may reach another server, by another name.
        endpoint.certificateEnd = undefined
      }
      this.pools.dialBy(host => dialers.get(host)!)
    }
    this.#keepAliveChanged(before)
    this.belief.optionsChanged()
    this.pools.optionsChanged(dialers !== undefined)
  }

  /** @param cause what a person reads @param of one endpoint; undefined: all of them */
  setPersistence (state: Persistence, cause: string, of?: Endpoint): void {
    for (const endpoint of of === undefined ? [...this.endpoints.all] : [of]) {
      const before = endpoint.kept.set(state, this.options)
      if (before === undefined) continue
      this.observers.persistenceChanged(this.name, before, state, cause, endpoint.id)
      // An observer of this change may have changed the persistence again.
      if (state !== 'persistent' && endpoint.persistence === state) this.pools.evict('non_persistent', Infinity, endpoint.pool)
    }
  }

  close (): Promise<void> {
    this.#closing ??= this.#drain()
    return this.#closing
  }

  destroy (): void {
    this.#closing ??= Promise.resolve()
    this.#destroyed = true
    this.#stop()
    this.pools.destroy()
    // The pool has told the requests that had reached it; these are the others.
    for (const claim of [...this.#claims]) claim.targetDestroyed()
  }

  #drain (): Promise<void> {
    this.#stop()
    return this.pools.drain()
  }

  #stop (): void {
    this.belief.stop()
    this.endpoints.stop()
  }

  #dialersFor ({ undiciOptions }: ResolvedTargetOptions): Map<PoolHost, Dialer> & Map<Endpoint, Dialer> {
    return new Map(this.endpoints.all.map(endpoint => [endpoint, this.endpoints.dialerOf(endpoint, undiciOptions)]))
  }

  #keepAliveChanged (before: ResolvedTargetOptions): void {
    const keeps = keepsAlive(this.options)
    if (keeps !== keepsAlive(before)) this.setPersistence(keeps ? 'persistent' : 'non-persistent', 'keep-alive was switched by an update')
  }
}
