import type { BackendBelief } from './backend-belief.js'
import type { Connection } from './connection.js'
import type { CloseReason } from './observer.js'

type WatchedBelief = Pick<BackendBelief, 'watchUntil' | 'outlasted'>

// What is to be learned may change while it lies there; it is asked again as often, in ms.
const ASKED_AGAIN = 5_000

/**
 * One connection that has served requests, is past the idle limit, and is left alone to see when its backend closes it: without
 * it, nobody would ever notice that a limit has become too short. It is never used for a request again, and counts nowhere.
 */
export class Sentinel {
  readonly #belief: WatchedBelief
  readonly #clock: () => number
  readonly #end: (connection: Connection, reason: CloseReason, idleMs: number) => void
  #connection: Connection | undefined
  #timer: NodeJS.Timeout | undefined
  #heard = false

  /** @param end is given the connection that has been let go of, to be closed */
  constructor (belief: WatchedBelief, clock: () => number, end: (connection: Connection, reason: CloseReason, idleMs: number) => void) {
    this.#belief = belief
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
    if (present !== undefined && this.#belief.watchUntil(present, this.#heard) !== undefined) return false
    const until = this.#belief.watchUntil(idleMs, false)
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
        this.#belief.outlasted(idleMs)
      }
      // Whoever was told may have had it closed.
      if (this.#connection !== connection) return
      const next = this.#belief.watchUntil(idleMs, this.#heard)
      if (next === undefined) this.dismiss('idle_limit')
      else this.#wait(connection, next)
    }, Math.max(1, Math.ceil(ms))).unref()
  }
}
