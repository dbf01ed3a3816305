import type { BackendBelief } from './backend-belief.js'
import type { Connection } from './connection.js'
import type { CloseReason } from './observer.js'

type WatchedBelief = Pick<BackendBelief, 'watchUntil' | 'outlasted'>

// In ms. `watchUntil` is called again at this interval, since its result may change.
const ASKED_AGAIN = 5_000

/**
 * One connection that has served requests and is past the idle limit. It stays open to see when the backend closes it: without it, the
 * gateway would not notice that a limit has become too short. It carries no request again, and does not count against `connections`.
 */
export class Sentinel {
  readonly #belief: WatchedBelief
  readonly #clock: () => number
  readonly #end: (connection: Connection, reason: CloseReason, idleMs: number) => void
  #connection: Connection | undefined
  #timer: NodeJS.Timeout | undefined
  #heard = false

  /** @param end closes the connection that is no longer the sentinel */
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

  /**
   * Makes a connection the sentinel. Returns false where the present one is still of use, or where nothing is to be learned from the new
   * one.
   */
  post (connection: Connection, idleMs: number): boolean {
    const present = this.idleMs
    if (present !== undefined && this.#watchUntil(this.#connection!, present) !== undefined) return false
    const until = isKept(connection) ? this.#belief.watchUntil(idleMs, false) : undefined
    if (until === undefined) return false
    this.dismiss('idle_limit')
    this.#connection = connection
    this.#heard = false
    this.#wait(connection, until)
    return true
  }

  /** A connection was closed from outside. Dismisses the sentinel if it is this connection. */
  lost (connection: Connection, reason: CloseReason): void {
    if (this.#connection === connection) this.dismiss(reason)
  }

  /** Ends the sentinel, if there is one. */
  dismiss (reason: CloseReason): void {
    const connection = this.#connection
    if (connection === undefined) return
    clearTimeout(this.#timer)
    this.#connection = undefined
    this.#end(connection, reason, this.#clock() - connection.idleSince)
  }

  #watchUntil (connection: Connection, idleMs: number): number | undefined {
    return isKept(connection) ? this.#belief.watchUntil(idleMs, this.#heard) : undefined
  }

  #wait (connection: Connection, until: number): void {
    const ms = Math.min(ASKED_AGAIN, until - (this.#clock() - connection.idleSince))
    this.#timer = setTimeout(() => {
      const idleMs = this.#clock() - connection.idleSince
      if (idleMs >= until && !this.#heard) {
        this.#heard = true
        this.#belief.outlasted(idleMs)
      }
      // `outlasted` may have caused its close.
      if (this.#connection !== connection) return
      const next = this.#watchUntil(connection, idleMs)
      if (next === undefined) this.dismiss('idle_limit')
      else this.#wait(connection, next)
    }, Math.max(1, Math.ceil(ms))).unref()
  }
}

// Where connections are not kept, nothing is to be learned from one that is idle.
function isKept ({ pool: { host } }: Connection): boolean {
  return host.persistence === 'persistent'
}
