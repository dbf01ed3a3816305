import type { Connection } from './connection.js'
import type { CloseReason } from './observer.js'

/** Which connections a request can use. */
export interface Fit {
  /** How long a connection may have been idle, in ms; -1: only a fresh connection will do. */
  readonly idleAtMost: number
  /** Whether the request may use a connection that tests if its backend keeps connections open. */
  readonly trial: boolean
  /**
   * Whether the request cannot be sent again. Then it takes no connection that the backend may be about to close after its last response.
   */
  readonly once?: boolean
}

/** What the stack needs from its pool. */
export interface IdleStackContext {
  /** How long a connection may lie unused at present, in ms. */
  readonly idleLimit: number
  /** With at most this many idle connections, the one that has been idle longest is taken. */
  readonly minIdle: number
  /** How long a connection must have been quiet before it carries a request that cannot be sent again, in ms. */
  quietBefore (connection: Connection): number
  /** Closes a connection that the stack has removed. */
  close (connection: Connection, reason: CloseReason, idleMs: number): void
}

interface Ended { readonly connection: Connection, readonly reason: CloseReason }

// In ms. Servers answer a connection that has sent nothing with 408, or block a thread on it.
const UNUSED_LIMIT = 10_000
// The shortest time between two sweeps, in ms. `take` checks expiry anyway.
const SWEEP_AT_LEAST = 100
// In ms. A connection that has been idle for less may have been opened after the event that closes the others.
const SETTLED = 100
// In ms. The sweep after a fallen limit waits this long: the other closes of the same event arrive by then, and each of them is evidence.
const SOON = 250

/** A pool's idle connections. The most recently used one is taken first, so that surplus connections age out. */
export class IdleStack {
  readonly #context: IdleStackContext
  readonly #clock: () => number
  /** Most recently used last. */
  readonly #connections: Connection[] = []
  #timer: NodeJS.Timeout | undefined
  #sweepAt = Infinity

  constructor (context: IdleStackContext, clock: () => number) {
    this.#context = context
    this.#clock = clock
  }

  get size (): number { return this.#connections.length }

  /** Most recently used last. */
  all (): Iterable<Connection> { return this.#connections }

  /** Since when a connection has been idle longest; Infinity where there is none. */
  get oldestSince (): number { return this.#connections[0]?.idleSince ?? Infinity }

  /** Whether a connection has been idle for longer than `SETTLED`. */
  get settled (): boolean {
    const oldest = this.#connections[0]
    return oldest !== undefined && this.#clock() - oldest.idleSince > SETTLED
  }

  /** Adds a connection that has just become idle. */
  push (connection: Connection): void {
    this.#connections.push(connection)
    this.#sweepBy(Math.min(connection.idleSince + this.#limitOf(connection), connection.expiresAt))
  }

  /**
   * Takes the most recently used connection that fits and is bound to this client (undefined: bound to none). With at most `minIdle`
   * connections in the stack, it takes the one that has been idle longest, so that each is used before its limit. Expired connections that
   * are found on the way are closed.
   */
  take (fit: Fit, now: number, client: object | undefined): Connection | undefined {
    const oldestFirst = this.#connections.length <= this.#context.minIdle
    let ended: Ended[] | undefined
    let taken: Connection | undefined
    let i = oldestFirst ? 0 : this.#connections.length - 1
    while (i >= 0 && i < this.#connections.length) {
      const connection = this.#connections[i]!
      const expired = this.#expired(connection, now)
      if (expired !== undefined) {
        this.#connections.splice(i, 1)
        ended ??= []
        ended.push({ connection, reason: expired })
        // When going from the oldest on, the next connection has moved to this index.
        if (!oldestFirst) i--
        continue
      }
      const fits = this.#fits(connection, fit, now, client)
      if (fits) {
        // Most often the last one is taken, and `pop` avoids the array that `splice` makes.
        if (i === this.#connections.length - 1) this.#connections.pop()
        else this.#connections.splice(i, 1)
        taken = connection
        break
      }
      // All connections below have been idle for longer.
      if (!oldestFirst && now - connection.idleSince > fit.idleAtMost) break
      i += oldestFirst ? 1 : -1
    }
    if (ended !== undefined) this.#close(ended, now)
    return taken
  }

  #fits (connection: Connection, fit: Fit, now: number, client: object | undefined): boolean {
    const idle = now - connection.idleSince
    if (idle > fit.idleAtMost || connection.resting || connection.boundTo !== client || (connection.trial && !fit.trial)) return false
    return fit.once !== true || idle >= this.#context.quietBefore(connection)
  }

  /**
   * Removes and returns the connection that has been idle longest. A bound connection is returned only if there is no other. With `spare`,
   * a resting connection is not returned.
   */
  takeOldest (spare = false): Connection | undefined {
    let at = this.#connections.findIndex(({ resting, boundTo }) => boundTo === undefined && !(spare && resting))
    if (at === -1) at = this.#connections.findIndex(({ resting }) => !(spare && resting))
    return at === -1 ? undefined : this.#connections.splice(at, 1)[0]
  }

  /** Closes the connections that became idle at `idleSince` or earlier. Returns how many. */
  closeSince (idleSince: number, reason: CloseReason): number {
    return this.#closeWhere(connection => connection.idleSince <= idleSince ? reason : undefined)
  }

  /** Removes a connection. Returns false where it was not in the stack. */
  remove (connection: Connection): boolean {
    const at = this.#connections.lastIndexOf(connection)
    if (at !== -1) this.#connections.splice(at, 1)
    return at !== -1
  }

  /** Call this when the idle limit has changed. */
  sweepSoon (): void {
    if (this.#connections.length > 0) this.#sweepBy(this.#clock() + SOON)
  }

  stop (): void {
    clearTimeout(this.#timer)
    this.#sweepAt = Infinity
  }

  #expired (connection: Connection, now: number): CloseReason | undefined {
    const ended = connection.endedBy
    if (ended !== undefined) return ended
    // `maxRequestsPerConnection` was lowered while the connection was idle.
    if (connection.remaining <= 0) return 'max_requests'
    if (now >= connection.expiresAt) return 'max_age'
    return now - connection.idleSince >= this.#limitOf(connection) ? 'idle_limit' : undefined
  }

  #limitOf (connection: Connection): number {
    return connection.served === 0 ? Math.min(UNUSED_LIMIT, this.#context.idleLimit) : this.#context.idleLimit
  }

  #closeWhere (reasonOf: (connection: Connection) => CloseReason | undefined): number {
    const ended: Ended[] = []
    for (let i = this.#connections.length - 1; i >= 0; i--) {
      const connection = this.#connections[i]!
      const reason = reasonOf(connection)
      if (reason === undefined) continue
      this.#connections.splice(i, 1)
      ended.push({ connection, reason })
    }
    this.#close(ended, this.#clock())
    return ended.length
  }

  // Called when the stack is in its final state: an observer of a close may close or take other connections.
  #close (ended: readonly Ended[], now: number): void {
    for (const { connection, reason } of ended) this.#context.close(connection, reason, now - connection.idleSince)
  }

  // One timer, for the connection that expires first. Taking a connection does not move the timer.
  #sweepBy (at: number): void {
    if (at >= this.#sweepAt || at === Infinity) return
    clearTimeout(this.#timer)
    this.#sweepAt = at
    this.#timer = setTimeout(() => this.#sweep(), Math.max(SWEEP_AT_LEAST, at - this.#clock())).unref()
  }

  #sweep (): void {
    this.stop()
    const now = this.#clock()
    this.#closeWhere(connection => this.#expired(connection, now))
    let next = Infinity
    for (const connection of this.#connections) next = Math.min(next, connection.idleSince + this.#limitOf(connection), connection.expiresAt)
    this.#sweepBy(next)
  }
}
