import { Dispatcher } from 'undici'
import type { Connection, ConnectionSnapshot } from '../connection/connection.js'
import { createDialer } from '../connection/dial.js'
import type { CloseReason, ConnectionObserver, Persistence, ResponseView } from '../connection/observer.js'
import { PlacedSet } from '../connection/placed-set.js'
import { Pool } from '../connection/pool.js'
import type { PoolHost } from '../connection/pool-host.js'
import type { IdleLearner } from '../connection/sentinel.js'
import { HoldfastError } from '../errors.js'
import { keepsAlive, patchTargetOptions, sameConnections } from '../options/target-options.js'
import type { ResolvedTargetOptions, TargetPatch } from '../options/target-options.js'
import { NO_HABIT, nextAfterResponse, quietAfter } from './after-response.js'
import type { Served } from './after-response.js'
import { Call } from './call.js'
import type { CallHandler, CallHost, CallRequest, LostReuse } from './call.js'
import { dispatchTo } from './dispatch.js'
import { NO_EVIDENCE, idleCeiling, idleLimit, learnedLimit, nextEvidence, outlivedAt, unsafeIdleLimit } from './idle-limit.js'
import type { IdleEvent, IdleLimit } from './idle-limit.js'
import type { RequestKind } from './persistence.js'
import { RoundTrip } from './round-trip.js'
import { Tally } from './tally.js'
import type { Totals } from './tally.js'
import type { Tracing } from './tracing.js'

/** All that can be seen of a target at one moment; times in ms. */
export interface TargetSnapshot {
  readonly name: string
  readonly origin: string
  readonly persistence: Persistence
  /** The effective options. */
  readonly limits: ResolvedTargetOptions
  /** `pending` waits for a connection and has no dial under way. */
  readonly connections: { readonly active: number, readonly idle: number, readonly connecting: number, readonly pending: number, readonly upgraded: number }
  readonly totals: Totals
  readonly idleLimit: IdleLimit
  /** The connection that is left idle past a learned limit, outside of `connections`, to see when the backend closes it. */
  readonly sentinel: { readonly idleMs: number } | undefined
  /** 1 - connections opened / exchanges. */
  readonly reuseRatio: number
  readonly connectMs: { readonly mean: number, readonly saved: number }
}

/** A request that is meant for a target. */
export interface TargetClaim {
  /** Where it is among the claims of its target. */
  place: number
  /** It will not be served. */
  targetDestroyed (): void
}

interface TargetInit {
  readonly name: string
  readonly origin: URL
  readonly options: ResolvedTargetOptions
  readonly observers: Required<ConnectionObserver>
  readonly nextId: () => number
  readonly clock: () => number
  readonly tracing: () => Tracing | undefined
}

/**
 * One backend origin with its settings: an undici Dispatcher over a managed pool, for `fetch(url, { dispatcher })`,
 * `undici.request`, interceptors through `compose`, and `reply.from`. Fails with HOLDFAST_ERR_WRONG_ORIGIN where a request
 * names another origin.
 */
export class Target extends Dispatcher {
  readonly name: string
  readonly origin: string
  readonly #core: Core
  #closing: Promise<void> | undefined
  #destroyed = false
  readonly #claims = new PlacedSet<TargetClaim>()

  constructor (init: TargetInit) {
    super()
    this.name = init.name
    this.origin = init.origin.origin
    this.#core = new Core(init)
    // compose() puts a Proxy in front, on which private members are not to be had.
    this.dispatch = this.dispatch.bind(this)
    this.close = this.close.bind(this) as Dispatcher['close']
    this.destroy = this.destroy.bind(this) as Dispatcher['destroy']
    this.call = this.call.bind(this)
    this.snapshot = this.snapshot.bind(this)
    this.setPersistence = this.setPersistence.bind(this)
    this.keepApart = this.keepApart.bind(this)
    this.claim = this.claim.bind(this)
    this.release = this.release.bind(this)
    this.evict = this.evict.bind(this)
    this.update = this.update.bind(this)
    this.connections = this.connections.bind(this)
  }

  get options (): ResolvedTargetOptions { return this.#core.options }
  get persistence (): Persistence { return this.#core.persistence }
  get closed (): boolean { return this.#closing !== undefined }
  get destroyed (): boolean { return this.#destroyed }

  /** Whether nothing is in flight or waiting, and no forwarding has a claim on it. */
  get quiet (): boolean {
    const { pool } = this.#core
    return this.#claims.size + pool.activeCount + pool.connectingCount + pool.pendingCount + pool.upgradedCount === 0
  }

  /**
   * Says that a request is meant for it, which may not have reached it yet, as while its body is collected: a target that was made for one
   * request is not closed for another's sake meanwhile. Where the target is destroyed all the same, the claim is told.
   */
  claim (claim: TargetClaim): void {
    this.#claims.add(claim)
  }

  release (claim: TargetClaim): void {
    this.#claims.delete(claim)
  }

  /** Sends a request; the response goes to the handler. For Holdfast's own forwarding; others use `dispatch`. */
  call (request: CallRequest, handler: CallHandler): Call {
    this.#core.tally.totals.requests++
    return new Call(this.#core, request, handler)
  }

  /**
   * As undici's `Client` has it, for handlers of either dialect, but that `onConnect` and `onRequestStart` come before a connection is
   * acquired. Options that undici refuses fail with undici's errors; what happens later fails with `HOLDFAST_ERR_*`, or with what the caller
   * aborted with. `blocking`, `expectContinue`, `typeOfService` and `servername` have no effect. `idempotent` is true by default for each
   * method that is (RFC 9110 section 9.2.2), and for a request with an `Idempotency-Key`. Returns false for a request that was refused.
   */
  override dispatch (options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    const origin = options?.origin ?? this.origin
    return dispatchTo(this.call, options, handler, this.#isOwn(origin) ? undefined : new HoldfastError('HOLDFAST_ERR_WRONG_ORIGIN'))
  }

  /** A snapshot of now, not a live view. */
  snapshot (): TargetSnapshot {
    const { pool, tally, options, persistence } = this.#core
    return {
      name: this.name,
      origin: this.origin,
      persistence,
      limits: options,
      connections: { active: pool.activeCount, idle: pool.idleCount, connecting: pool.connectingCount, pending: pool.pendingCount, upgraded: pool.upgradedCount },
      totals: structuredClone(tally.totals),
      idleLimit: this.#core.limit,
      sentinel: pool.sentinel.idleMs === undefined ? undefined : { idleMs: pool.sentinel.idleMs },
      reuseRatio: tally.reuseRatio,
      connectMs: tally.connectMs
    }
  }

  /** Its connections now, upgraded ones excepted. */
  connections (): ConnectionSnapshot[] {
    return this.#core.pool.connections()
  }

  /**
   * Changes settings while it runs: a patch over those it has, one level deep, validated whole before anything is changed. New limits hold
   * at once; nothing in flight is disturbed. Where connections are made otherwise (`connect`, addresses, sizes), the idle ones end at
   * once, and the active ones with their exchange. A patch with any option of the TLS identity (`ca`, `cert`, `key`, `secureContext`,
   * `servername`, `rejectUnauthorized`, `minVersion` ...) replaces all of it. Throws HOLDFAST_ERR_OPTION, and changes nothing, also for
   * a certificate or key that cannot be used.
   */
  update (patch: TargetPatch): void {
    this.#core.update(patch)
  }

  /**
   * Says what is believed of the backend. `non-persistent` closes idle connections at once, lets active ones finish, and
   * gives every request a connection of its own; `trial` makes the next GET that can be sent again find out; `persistent` is as at
   * the start. `cause` is what a person will read.
   */
  setPersistence (state: Persistence, cause: string): void {
    this.#core.setPersistence(state, cause)
  }

  /**
   * Says which kinds of requests the backend closes its connections after, while it keeps them after others: a method, followed by `+` for
   * those with a body, as in `POST+`. Each of these gets a fresh connection, which is kept if the backend keeps it. Takes the place of what
   * was said before; a target begins with none.
   */
  keepApart (kinds: ReadonlySet<string>): void {
    this.#core.apart = kinds
  }

  /** Closes all idle connections; returns how many. */
  evict (): number {
    return this.#core.pool.evict('evicted')
  }

  /** Takes no new work and resolves when what is in flight is done. */
  override close (): Promise<void>
  override close (callback: () => void): void
  override close (callback?: () => void): Promise<void> | void {
    this.#closing ??= this.#core.close()
    if (callback === undefined) return this.#closing
    this.#closing.then(callback, callback)
  }

  /** Ends every connection at once; what is in flight fails. */
  override destroy (): Promise<void>
  override destroy (error: Error | null): Promise<void>
  override destroy (callback: () => void): void
  override destroy (error: Error | null, callback: () => void): void
  override destroy (error?: Error | null | (() => void), callback?: () => void): Promise<void> | void {
    const done = typeof error === 'function' ? error : callback
    this.#closing ??= Promise.resolve()
    this.#destroyed = true
    this.#core.destroy()
    // What has not reached the pool: those that have, it has told.
    for (const claim of [...this.#claims]) claim.targetDestroyed()
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

// A connection lost later under a request is no matter of idle times, unless the way is longer, in ms.
const SHORT_LOSS = 100
// A trial whose response takes longer is joined by another, in ms: it may be an event stream, which has no end for as long as its client likes.
const TRIAL_ALONE = 1_000
// What has not been confirmed by then was an accident, in ms.
const RUMOUR_LASTS = 600_000

function servedLast ({ method, served }: Connection): Served {
  return { method, nth: served }
}

/** What a target is inside: what its pool and its calls read, each time they need it. */
class Core implements PoolHost, CallHost, IdleLearner {
  readonly name: string
  readonly origin: URL
  readonly pool: Pool
  readonly tally: Tally
  readonly nextId: () => number
  readonly #tracing: () => Tracing | undefined
  options: ResolvedTargetOptions
  persistence: Persistence
  apart: ReadonlySet<RequestKind> = new Set()
  limit: IdleLimit
  unsafeIdleLimit: number
  readonly #clock: () => number
  readonly #roundTrip = new RoundTrip()
  #evidence = NO_EVIDENCE
  #afterResponse = NO_HABIT
  #rumourTimer: NodeJS.Timeout | undefined
  #closing = false
  #claimed: number | undefined
  readonly #trials = new Set<Connection>()

  constructor (init: TargetInit) {
    this.name = init.name
    // A chosen upstream may have a path, which is no part of it.
    this.origin = new URL(init.origin.origin)
    this.nextId = init.nextId
    this.#tracing = init.tracing
    this.options = init.options
    this.persistence = keepsAlive(init.options) ? 'persistent' : 'non-persistent'
    this.tally = new Tally(init.observers, response => this.#heed(response))
    this.#clock = init.clock
    this.limit = idleLimit(init.options.undiciOptions, undefined, undefined)
    this.unsafeIdleLimit = unsafeIdleLimit(this.limit, this.#evidence, 0)
    this.pool = new Pool(this, init.clock)
  }

  get observers (): Required<ConnectionObserver> { return this.tally }
  get idleLimit (): number { return this.limit.effective }
  get learner (): IdleLearner { return this }
  get roundTripMs (): number { return this.#roundTrip.shortest }
  get tracing (): Tracing | undefined { return this.#tracing() }

  refuseReturn (connection: Connection): CloseReason | undefined {
    if (this.persistence === 'persistent' || (this.persistence === 'trial' && connection.trial)) return undefined
    return 'non_persistent'
  }

  claimTrial (connection: Connection): boolean {
    const now = this.#clock()
    for (const trial of this.#trials) {
      if (trial.state === 'closed') this.#trials.delete(trial)
      else if (trial.state === 'idle' || now - trial.acquiredAt < TRIAL_ALONE) return false
    }
    this.#trials.add(connection)
    connection.beginTrial()
    return true
  }

  close (): Promise<void> {
    this.#stopForgetting()
    return this.pool.drain()
  }

  destroy (): void {
    this.#stopForgetting()
    this.pool.destroy()
  }

  // The timer would keep all of this alive until it is due.
  #stopForgetting (): void {
    this.#closing = true
    clearTimeout(this.#rumourTimer)
  }

  update (patch: TargetPatch): void {
    const before = this.options
    const options = patchTargetOptions(before, patch)
    // Made first: what it is to be made of may be refused, and then nothing is changed.
    const dialer = sameConnections(options, before) ? undefined : createDialer(this.origin, options.undiciOptions)
    this.options = options
    if (dialer !== undefined) this.pool.dialBy(dialer)
    if (keepsAlive(options) !== keepsAlive(before)) {
      this.setPersistence(keepsAlive(options) ? 'persistent' : 'non-persistent', 'keep-alive was switched by an update')
    }
    this.#limit()
    this.pool.optionsChanged(dialer !== undefined)
  }

  setPersistence (state: Persistence, cause: string): void {
    const before = this.persistence
    // Where keep-alive is switched off there is nothing to believe otherwise.
    if (before === state || (state !== 'non-persistent' && !keepsAlive(this.options))) return
    this.persistence = state
    for (const trial of this.#trials) trial.endTrial()
    this.#trials.clear()
    this.tally.persistenceChanged(this.name, before, state, cause)
    // Whoever was told, or is told of a close, may have decided otherwise again.
    if (state !== 'persistent' && this.persistence === state) this.pool.evict('non_persistent')
  }

  // What the backend answers to `close` says nothing about what it would do otherwise.
  #heed ({ signal, asked }: ResponseView): void {
    if (asked === 'close' || !signal.persistent || signal.timeout === this.#claimed) return
    this.#claimed = signal.timeout
    this.#limit()
  }

  closed (idleMs: number, left: boolean): void {
    this.#learn({ type: 'closed', idleMs, left: left ? 1 : 0 })
  }

  closedAfter (connection: Connection, ms: number): void {
    this.#afterResponse = nextAfterResponse(this.#afterResponse, { type: 'closed', after: servedLast(connection), ms })
  }

  keptAfter (after: Served): void {
    this.#afterResponse = nextAfterResponse(this.#afterResponse, { type: 'kept', after })
  }

  quietBefore (connection: Connection): number {
    return this.closesBehind ? quietAfter(this.#afterResponse, servedLast(connection)) : 0
  }

  get closesBehind (): boolean { return this.#afterResponse.habits.size > 0 }

  exchanged (ms: number, idleMs: number): void {
    if (idleMs > this.#evidence.survived) this.#learn({ type: 'survived', idleMs })
    if (this.#roundTrip.add(ms)) this.#limit()
  }

  // A backend that had taken the request would have kept it for longer than the way there and back; what it was doing then, and why it
  // stopped, is no matter of idle times.
  reuseLost (connection: Connection, after: Served, others: number): LostReuse | undefined {
    if (after.nth > 0) {
      this.#afterResponse = nextAfterResponse(this.#afterResponse, { type: 'closed', after, ms: this.#clock() - connection.idleSince })
    }
    const { acquiredAt, idleSince, served } = connection
    if (served === 0 || this.#clock() - acquiredAt > Math.max(SHORT_LOSS, 2 * this.#roundTrip.shortest)) return undefined
    const idleMs = acquiredAt - idleSince
    return {
      answered: () => this.#learn({ type: 'closed', idleMs, left: this.pool.somethingSettled ? 1 : 0, found: true, others }),
      unknown: () => this.#learn({ type: 'doubted', idleMs })
    }
  }

  watchUntil (idleMs: number, heard: boolean): number | undefined {
    if (this.persistence !== 'persistent') return undefined
    const ceiling = idleCeiling(this.options.undiciOptions, this.limit.hinted)
    const { learned } = this.limit
    // Having been heard, it sees when the backend closes now.
    if (learned === undefined) return heard && idleMs < ceiling ? ceiling : undefined
    // Above a ceiling that would bind all the same, there is nothing to unlearn; below it, the habit may end above.
    if (heard || learned >= ceiling || this.#clock() - idleMs < this.#evidence.since) return undefined
    return Math.max(outlivedAt(this.#evidence)!, idleMs)
  }

  outlasted (idleMs: number): void {
    this.#learn({ type: 'outlived', idleMs })
  }

  #learn (event: IdleEvent): void {
    const evidence = nextEvidence(this.#evidence, event, this.#clock())
    if (evidence === this.#evidence) return
    if (evidence.rumour !== this.#evidence.rumour) {
      clearTimeout(this.#rumourTimer)
      if (evidence.rumour !== undefined && !this.#closing) this.#rumourTimer = setTimeout(() => this.#learn({ type: 'forgotten' }), RUMOUR_LASTS).unref()
    }
    this.#evidence = evidence
    this.#limit()
  }

  #limit (): void {
    const { effective } = this.limit
    const { shortest } = this.#roundTrip
    this.limit = idleLimit(this.options.undiciOptions, this.#claimed, learnedLimit(this.#evidence, shortest))
    this.unsafeIdleLimit = unsafeIdleLimit(this.limit, this.#evidence, shortest)
    if (this.limit.effective < effective) this.pool.limitFell()
  }
}
