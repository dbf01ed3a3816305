import type { BackendBelief } from '../connection/backend-belief.js'
import type { Connection } from '../connection/connection.js'
import type { CloseReason, ConnectionObserver, Persistence, ResponseView } from '../connection/observer.js'
import type { Pool } from '../connection/pool.js'
import { keepsAlive } from '../options/target-options.js'
import type { ResolvedTargetOptions } from '../options/target-options.js'
import { NO_HABIT, nextAfterResponse, quietAfter } from './after-response.js'
import type { Served } from './after-response.js'
import { nextEvidence } from './idle-learning.js'
import type { IdleEvent } from './idle-learning.js'
import { NO_EVIDENCE, idleCeiling, idleLimit, learnedLimit, outlivedAt, unsafeIdleLimit } from './idle-limit.js'
import type { IdleLimit } from './idle-limit.js'
import type { RequestKind } from './persistence.js'
import { RoundTrip } from './round-trip.js'
import { Trials } from './trials.js'

/** What a belief needs from its target. */
export interface BeliefContext {
  readonly name: string
  readonly options: ResolvedTargetOptions
  readonly pool: Pool
  readonly observers: Required<ConnectionObserver>
}

/** A connection lost under a request may have been an idle close: the request that is sent again finds out. */
export interface LostReuse {
  /** The request was answered on a fresh connection. */
  answered (): void
  /** The request was not sent again. */
  unknown (): void
}

// A connection that is lost later under a request, in ms, says nothing of idle times, unless the round trip is longer.
const SHORT_LOSS = 100
// A rumour that has not been confirmed after so many ms was an accident.
const RUMOUR_LASTS = 600_000

/**
 * What is believed of a target's backend: how long a connection may lie idle, after which responses the backend closes, how long a round
 * trip takes, and whether the backend keeps connections open. The policies are pure files beside this one (`idle-limit.ts`,
 * `idle-learning.ts`, `after-response.ts`, `round-trip.ts`, `persistence.ts`). The belief holds what they have concluded, and acts on the
 * pool.
 *
 * `Inspector` decides on the persistence; an operator, or an observer of the app's own, may decide in its place.
 */
export class Belief implements BackendBelief {
  persistence: Persistence
  /** Kinds of requests after which the backend closes its connection while it keeps others: each of them gets a fresh connection. */
  apart: ReadonlySet<RequestKind> = new Set()
  limit: IdleLimit
  /** How long a connection may have been idle for a request that could not be sent again, in ms. */
  unsafeIdleLimit: number
  readonly #target: BeliefContext
  readonly #clock: () => number
  readonly #roundTrip = new RoundTrip()
  readonly #trials: Trials
  #evidence = NO_EVIDENCE
  #afterResponse = NO_HABIT
  /** The last `Keep-Alive: timeout=` of the backend, in ms. */
  #claimed: number | undefined
  #rumourTimer: NodeJS.Timeout | undefined
  #stopped = false

  /** @param target its pool and observers may be set after this */
  constructor (target: BeliefContext, clock: () => number) {
    this.#target = target
    this.#clock = clock
    this.#trials = new Trials(clock)
    this.persistence = keepsAlive(target.options) ? 'persistent' : 'non-persistent'
    this.limit = idleLimit(target.options.undiciOptions, undefined, undefined)
    this.unsafeIdleLimit = unsafeIdleLimit(this.limit, this.#evidence, 0)
  }

  get idleLimit (): number { return this.limit.effective }
  get roundTripMs (): number { return this.#roundTrip.shortest }
  /** Whether the backend is known to close right behind some responses. */
  get closesBehind (): boolean { return this.#afterResponse.habits.size > 0 }

  // Persistence.

  refuseReturn (connection: Connection): CloseReason | undefined {
    if (this.persistence === 'persistent' || (this.persistence === 'trial' && connection.trial)) return undefined
    return 'non_persistent'
  }

  /** Whether this connection tests from now on if the backend keeps connections open. */
  claimTrial (connection: Connection): boolean {
    return this.#trials.claim(connection)
  }

  /** @param cause what a person reads */
  setPersistence (state: Persistence, cause: string): void {
    const { name, options, observers, pool } = this.#target
    const before = this.persistence
    // While keep-alive is switched off the target stays non-persistent.
    if (before === state || (state !== 'non-persistent' && !keepsAlive(options))) return
    this.persistence = state
    this.#trials.end()
    observers.persistenceChanged(name, before, state, cause, '')
    // An observer of this change may have changed the persistence again.
    if (state !== 'persistent' && this.persistence === state) pool.evict('non_persistent')
  }

  // Closes right behind a response.

  quietBefore (connection: Connection): number {
    return this.closesBehind ? quietAfter(this.#afterResponse, servedLast(connection)) : 0
  }

  closedAfter (connection: Connection, ms: number): void {
    this.#closedAfter(servedLast(connection), ms)
  }

  /** A connection has served another request after this response. */
  keptAfter (after: Served): void {
    this.#afterResponse = nextAfterResponse(this.#afterResponse, { type: 'kept', after })
  }

  #closedAfter (after: Served, ms: number): void {
    this.#afterResponse = nextAfterResponse(this.#afterResponse, { type: 'closed', after, ms })
  }

  // Idle limits.

  closed (idleMs: number, left: boolean): void {
    this.#learn({ type: 'closed', idleMs, left: left ? 1 : 0 })
  }

  exchanged (ms: number, idleMs: number): void {
    if (idleMs > this.#evidence.survived) this.#learn({ type: 'survived', idleMs })
    if (this.#roundTrip.add(ms)) this.#limit()
  }

  /** Takes the hint of a response. */
  responded ({ signal, asked }: ResponseView): void {
    // What the backend answers to `Connection: close` says nothing of what it does otherwise.
    if (asked === 'close' || !signal.persistent || signal.timeout === this.#claimed) return
    this.#claimed = signal.timeout
    this.#limit()
  }

  /**
   * A reused connection was lost under a request without a byte of a response.
   *
   * @param after the connection's last response before that request
   * @param others how many other connections that had been idle for as long were closed with it
   */
  reuseLost (connection: Connection, after: Served, others: number): LostReuse | undefined {
    if (after.nth > 0) this.#closedAfter(after, this.#clock() - connection.idleSince)
    const { acquiredAt, idleSince, served } = connection
    // A backend that had received the request would have kept the connection for longer than a round trip. A later loss has another cause.
    if (served === 0 || this.#clock() - acquiredAt > Math.max(SHORT_LOSS, 2 * this.#roundTrip.shortest)) return undefined
    const idleMs = acquiredAt - idleSince
    return {
      answered: () => this.#learn({ type: 'closed', idleMs, left: this.#target.pool.somethingSettled ? 1 : 0, found: true, others }),
      unknown: () => this.#learn({ type: 'doubted', idleMs })
    }
  }

  watchUntil (idleMs: number, heard: boolean): number | undefined {
    if (this.persistence !== 'persistent') return undefined
    const ceiling = idleCeiling(this.#target.options.undiciOptions, this.limit.hinted)
    const { learned } = this.limit
    // The sentinel has outlasted what was learned; now it sees when the backend closes.
    if (learned === undefined) return heard && idleMs < ceiling ? ceiling : undefined
    // A learned limit above the ceiling binds nothing, so there is nothing to unlearn. Below the ceiling, the habit may end above it.
    if (heard || learned >= ceiling || this.#clock() - idleMs < this.#evidence.since) return undefined
    return Math.max(outlivedAt(this.#evidence)!, idleMs)
  }

  outlasted (idleMs: number): void {
    this.#learn({ type: 'outlived', idleMs })
  }

  /** The target's options have been replaced. */
  optionsChanged (before: ResolvedTargetOptions): void {
    const keeps = keepsAlive(this.#target.options)
    if (keeps !== keepsAlive(before)) this.setPersistence(keeps ? 'persistent' : 'non-persistent', 'keep-alive was switched by an update')
    this.#limit()
  }

  /** The target closes. The timer would keep it in memory until it is due. */
  stop (): void {
    this.#stopped = true
    clearTimeout(this.#rumourTimer)
  }

  #learn (event: IdleEvent): void {
    const evidence = nextEvidence(this.#evidence, event, this.#clock())
    if (evidence === this.#evidence) return
    if (evidence.rumour !== this.#evidence.rumour) {
      clearTimeout(this.#rumourTimer)
      if (evidence.rumour !== undefined && !this.#stopped) {
        this.#rumourTimer = setTimeout(() => this.#learn({ type: 'forgotten' }), RUMOUR_LASTS).unref()
      }
    }
    this.#evidence = evidence
    this.#limit()
  }

  #limit (): void {
    const { effective } = this.limit
    const { shortest } = this.#roundTrip
    this.limit = idleLimit(this.#target.options.undiciOptions, this.#claimed, learnedLimit(this.#evidence, shortest))
    this.unsafeIdleLimit = unsafeIdleLimit(this.limit, this.#evidence, shortest)
    if (this.limit.effective < effective) this.#target.pool.limitFell()
  }
}

function servedLast ({ method, served }: Connection): Served {
  return { method, nth: served }
}
