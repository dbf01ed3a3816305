import { createDialer } from '../connection/dial.js'
import type { ConnectionObserver } from '../connection/observer.js'
import { PlacedSet } from '../connection/placed-set.js'
import { Pool } from '../connection/pool.js'
import type { PoolContext } from '../connection/pool-context.js'
import { patchTargetOptions, sameConnections } from '../options/target-options.js'
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
  /** The app's observers. */
  readonly observers: Required<ConnectionObserver>
  readonly nextId: () => number
  readonly clock: () => number
  readonly tracing: () => Tracing | undefined
}

/**
 * The parts of a target, and what Holdfast's own code does with one; users have `Target`. Pool, calls and belief read the options here each
 * time they need them, because an update replaces them.
 */
export class TargetCore implements PoolContext, CallContext, BeliefContext {
  readonly name: string
  readonly origin: URL
  options: ResolvedTargetOptions
  readonly tally = new Tally()
  readonly belief: Belief
  readonly observers: TargetEvents
  readonly pool: Pool
  readonly nextId: () => number
  readonly #clock: () => number
  readonly #tracing: () => Tracing | undefined
  readonly #claims = new PlacedSet<TargetClaim>()
  #certificateEnd: number | undefined
  #closing: Promise<void> | undefined
  #destroyed = false

  constructor (init: TargetInit) {
    this.name = init.name
    // An upstream that a request chooses may have a path, which is no part of the origin.
    this.origin = new URL(init.origin.origin)
    this.options = init.options
    this.nextId = init.nextId
    this.#clock = init.clock
    this.#tracing = init.tracing
    this.belief = new Belief(this, init.clock)
    this.observers = new TargetEvents(this.tally, this.belief, init.observers)
    this.pool = new Pool(this, init.clock)
  }

  get closed (): boolean { return this.#closing !== undefined }
  get destroyed (): boolean { return this.#destroyed }
  /** When the certificate ends that the backend showed at its newest whole handshake, in ms since 1970. */
  get certificateEnd (): number | undefined { return this.#certificateEnd }
  get tracing (): Tracing | undefined { return this.#tracing() }

  /** Whether nothing is in flight or waiting, and no request claims it. */
  get quiet (): boolean {
    const { pool } = this
    return this.#claims.size + pool.activeCount + pool.connectingCount + pool.pendingCount + pool.upgradedCount === 0
  }

  certificateShown (end: number): void {
    this.#certificateEnd = end
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
    // Made first: it throws for a certificate or key that cannot be used, and then nothing is changed.
    const dialer = sameConnections(options, before) ? undefined : createDialer(this.origin, options.undiciOptions, this.#clock)
    this.options = options
    if (dialer !== undefined) {
      // The new dialer may reach another server, by another name.
      this.#certificateEnd = undefined
      this.pool.dialBy(dialer)
    }
    this.belief.optionsChanged(before)
    this.pool.optionsChanged(dialer !== undefined)
  }

  close (): Promise<void> {
    this.#closing ??= this.#drain()
    return this.#closing
  }

  destroy (): void {
    this.#closing ??= Promise.resolve()
    this.#destroyed = true
    this.belief.stop()
    this.pool.destroy()
    // The pool has told the requests that had reached it; these are the others.
    for (const claim of [...this.#claims]) claim.targetDestroyed()
  }

  #drain (): Promise<void> {
    this.belief.stop()
    return this.pool.drain()
  }
}
