import type { BackendBelief } from '../connection/backend-belief.js'
import type { Connection } from '../connection/connection.js'
import type { ResponseView } from '../connection/observer.js'
import type { Pools } from '../connection/pools.js'
import type { ResolvedTargetOptions } from '../options/target-options.js'
import { NO_HABIT, nextAfterResponse, quietAfter } from './after-response.js'
import type { Served } from './after-response.js'
import { nextEvidence } from './idle-learning.js'
import type { IdleEvent } from './idle-learning.js'
import { NO_EVIDENCE, idleCeiling, idleLimit, learnedLimit, outlivedAt, unsafeIdleLimit } from './idle-limit.js'
import type { IdleLimit } from './idle-limit.js'
import { RoundTrip } from './round-trip.js'

/** What a belief needs from its target. */
export interface BeliefContext {
  readonly options: ResolvedTargetOptions
  readonly pools: Pools
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
 * What is believed of a target's backend, of all its endpoints together: how long a connection may lie idle, after which responses the
 * backend closes, and how long a round trip takes. The policies are pure files beside this one (`idle-limit.ts`, `idle-learning.ts`,
 * `after-response.ts`, `round-trip.ts`). The belief holds what they have concluded, and acts on the pools. Whether an endpoint keeps
 * connections open is believed of each endpoint by itself (`endpoint/endpoint-persistence.ts`).
 */
export class Belief implements BackendBelief {
  limit: IdleLimit
  /** How long a connection may have been idle for a request that could not be sent again, in ms. */
  unsafeIdleLimit: number
  readonly #target: BeliefContext
  readonly #clock: () => number
  readonly #roundTrip = new RoundTrip()
  #evidence = NO_EVIDENCE
  #afterResponse = NO_HABIT
  /** The last `Keep-Alive: timeout=` of the backend, in ms. */
  #claimed: number | undefined
  #rumourTimer: NodeJS.Timeout | undefined
  #stopped = false

  /** @param target its pools may be set after this */
  constructor (target: BeliefContext, clock: () => number) {
    this.#target = target
    this.#clock = clock
    this.limit = idleLimit(target.options.undiciOptions, undefined, undefined)
    this.unsafeIdleLimit = unsafeIdleLimit(this.limit, this.#evidence, 0)
  }

  get idleLimit (): number { return this.limit.effective }
  get roundTripMs (): number { return this.#roundTrip.shortest }
  /** For how long idle connections are known to be kept: the learned limit, or the longest idle time that one has survived. */
  get usualIdle (): number { return this.limit.learned ?? this.#evidence.survived }
  /** Whether the backend is known to close right behind some responses. */
  get closesBehind (): boolean { return this.#afterResponse.habits.size > 0 }

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
      answered: () => this.#learn({ type: 'closed', idleMs, left: this.#target.pools.somethingSettled ? 1 : 0, found: true, others }),
      unknown: () => this.#learn({ type: 'doubted', idleMs })
    }
  }

  watchUntil (idleMs: number, heard: boolean): number | undefined {
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
  optionsChanged (): void {
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
    if (this.limit.effective < effective) this.#target.pools.limitFell()
  }
}

function servedLast ({ method, served }: Connection): Served {
  return { method, nth: served }
}
