import type { Connection } from './connection.js'
import type { CloseReason } from './observer.js'

/** Who learns from what a pool sees of idle connections; all times in ms. */
export interface IdleLearner {
  /** The backend has closed a connection that had been idle for so long; `left`: others have been idle meanwhile. */
  closed (idleMs: number, left: boolean): void
  /** The same, of any time: how long after its last response. */
  closedAfter (connection: Connection, ms: number): void
  /** How long a connection must have been quiet before it carries a request that could not be sent again, in ms. */
  quietBefore (connection: Connection): number
  /** An exchange has ended well, on a connection that had been idle for so long; 0 on a fresh one. */
  exchanged (ms: number, idleMs: number): void
  /**
   * Until what idle time a connection past the limit is to be watched; undefined where there is nothing to learn from it.
   * `heard`: it has been told of once.
   */
  watchUntil (idleMs: number, heard: boolean): number | undefined
  /** The watched one has reached it, for the first time. */
  outlasted (idleMs: number): void
}

// What is to be learned may change while it lies there; it is asked again as often, in ms.
const ASKED_AGAIN = 5_000

/**
 * One connection that has served requests, is past the idle limit, and is left alone to see when its backend closes it: without
 * it, nobody would ever notice that a limit has become too short. It is never used for a request again, and counts nowhere.
 */
export class Sentinel {
  readonly #learner: IdleLearner
  readonly #clock: () => number
  readonly #end: (connection: Connection, reason: CloseReason, idleMs: number) => void
  #connection: Connection | undefined
  #timer: NodeJS.Timeout | undefined
  #heard = false

  /** @param end is given the connection that has been let go of, to be closed */
  constructor (learner: IdleLearner, clock: () => number, end: (connection: Connection, reason: CloseReason, idleMs: number) => void) {
    this.#learner = learner
    this.#clock = clock
    this.#end = end
  }

  get connection (): Connection | undefined { return this.#connection }

  /** How long it has been idle, in ms; undefined where there is none. */
  get idleMs (): number | undefined {
    return this.#connection === undefined ? undefined : this.#clock() - this.#connection.idleSince
  }

  /** Takes a connection on, unless there is one that is still of use, or nothing is to be learned from it. */
  post (connection: Connection, idleMs: number): boolean {
    const present = this.idleMs
    if (present !== undefined && this.#learner.watchUntil(present, this.#heard) !== undefined) return false
    const until = this.#learner.watchUntil(idleMs, false)
    if (until === undefined) return false
    this.dismiss('idle_limit')
    this.#connection = connection
    this.#heard = false
    this.#wait(connection, until)
    return true
  }

  /** Its backend, or something on its way, has ended it, if it is this one. */
  lost (connection: Connection, reason: CloseReason): void {
    if (this.#connection === connection) this.dismiss(reason)
  }

  /** Ends it, if there is one. */
  dismiss (reason: CloseReason): void {
    const connection = this.#connection
    if (connection === undefined) return
    clearTimeout(this.#timer)
    this.#connection = undefined
    this.#end(connection, reason, this.#clock() - connection.idleSince)
  }

  #wait (connection: Connection, until: number): void {
    const ms = Math.min(ASKED_AGAIN, until - (this.#clock() - connection.idleSince))
    this.#timer = setTimeout(() => {
      const idleMs = this.#clock() - connection.idleSince
      if (idleMs >= until && !this.#heard) {
        this.#heard = true
        this.#learner.outlasted(idleMs)
      }
      // Whoever was told may have had it closed.
      if (this.#connection !== connection) return
      const next = this.#learner.watchUntil(idleMs, this.#heard)
      if (next === undefined) this.dismiss('idle_limit')
      else this.#wait(connection, next)
    }, Math.max(1, Math.ceil(ms))).unref()
  }
}
