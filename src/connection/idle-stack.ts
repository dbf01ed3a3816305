import type { Connection } from './connection.js'
import type { CloseReason } from './observer.js'

/** What kind of connection a request can go on. */
export interface Fit {
  /** The longest that a connection may have been idle, in ms; -1 where only a fresh one will do. */
  readonly maxIdle: number
  /** Whether it may be one that tests if its backend keeps connections open. */
  readonly trial: boolean
  /** Whether the request could not be sent again: it takes none that its backend may be about to close, right behind a response. */
  readonly once?: boolean
}

/** What the stack asks its pool. */
export interface IdleStackHost {
  /** How long a connection may lie unused now, in ms. */
  readonly idleLimit: number
  /** With at most this many idle connections, the one that has been idle longest is taken. */
  readonly minIdle: number
  /** How long this one must have been quiet before it carries a request that could not be sent again, in ms. */
  quietBefore (connection: Connection): number
  /** Closes a connection that the stack has let go of. */
  close (connection: Connection, reason: CloseReason, idleMs: number): void
}

interface Ended { readonly connection: Connection, readonly reason: CloseReason }

// Servers answer a connection that stays silent with 408, or block a thread on it.
const UNUSED_LIMIT = 10_000
// Sweeping more often would find little; expiry is checked whenever one is taken.
const SWEEP_AT_LEAST = 100
// What has been idle for less may have been opened after whatever closes the others.
const SETTLED = 100
// After a limit has fallen, the closes that made it fall have all come in by then.
const SOON = 250

/** A pool's idle connections. The most recently used is taken first, so that the surplus ages out by itself. */
export class IdleStack {
  readonly #host: IdleStackHost
  readonly #clock: () => number
  /** Most recently used last. */
  readonly #connections: Connection[] = []
  #timer: NodeJS.Timeout | undefined
  #sweepAt = Infinity

  constructor (host: IdleStackHost, clock: () => number) {
    this.#host = host
    this.#clock = clock
  }

  get size (): number { return this.#connections.length }

  /** Most recently used last. */
  all (): Iterable<Connection> { return this.#connections }

  /** Whether one has been idle for a while. */
  get settled (): boolean {
    const oldest = this.#connections[0]
    return oldest !== undefined && this.#clock() - oldest.idleSince > SETTLED
  }

  /** Takes one in that is idle since now. */
  push (connection: Connection): void {
    this.#connections.push(connection)
    this.#sweepBy(Math.min(connection.idleSince + this.#limitOf(connection), connection.expiresAt))
  }

  /**
   * The most recently used one that fits and is bound to this client, or to none; with at most `minIdle` of them, the least recently used one, so that each
   * is used before its limit. Those met on the way whose time is over are closed.
   */
  take (fit: Fit, now: number, client: object | undefined): Connection | undefined {
    const oldestFirst = this.#connections.length <= this.#host.minIdle
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
        // From the oldest on, the next one has moved here.
        if (!oldestFirst) i--
        continue
      }
      const fits = this.#fits(connection, fit, now, client)
      if (fits) {
        // Most often the last: `splice` would make an array of what it removes.
        if (i === this.#connections.length - 1) this.#connections.pop()
        else this.#connections.splice(i, 1)
        taken = connection
        break
      }
      // Those below have been idle for longer.
      if (!oldestFirst && now - connection.idleSince > fit.maxIdle) break
      i += oldestFirst ? 1 : -1
    }
    if (ended !== undefined) this.#close(ended, now)
    return taken
  }

  #fits (connection: Connection, fit: Fit, now: number, client: object | undefined): boolean {
    const idle = now - connection.idleSince
    if (idle > fit.maxIdle || connection.resting || connection.boundTo !== client || (connection.trial && !fit.trial)) return false
    return fit.once !== true || idle >= this.#host.quietBefore(connection)
  }

  /** The one that has been idle longest, now the caller's; with `spare`, of those that do not rest. One that is bound goes last. */
  takeOldest (spare = false): Connection | undefined {
    let at = this.#connections.findIndex(({ resting, boundTo }) => boundTo === undefined && !(spare && resting))
    if (at === -1) at = this.#connections.findIndex(({ resting }) => !(spare && resting))
    return at === -1 ? undefined : this.#connections.splice(at, 1)[0]
  }

  /** Closes those that have been idle at least since a time; returns how many. */
  closeSince (idleSince: number, reason: CloseReason): number {
    return this.#closeWhere(connection => connection.idleSince <= idleSince ? reason : undefined)
  }

  /** Takes one out, now the caller's; false where it was not here. */
  remove (connection: Connection): boolean {
    const at = this.#connections.lastIndexOf(connection)
    if (at !== -1) this.#connections.splice(at, 1)
    return at !== -1
  }

  /** For when the limit has changed. */
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
    // The limit was lowered meanwhile.
    if (connection.remaining <= 0) return 'max_requests'
    if (now >= connection.expiresAt) return 'max_age'
    return now - connection.idleSince >= this.#limitOf(connection) ? 'idle_limit' : undefined
  }

  #limitOf (connection: Connection): number {
    return connection.served === 0 ? Math.min(UNUSED_LIMIT, this.#host.idleLimit) : this.#host.idleLimit
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

  // Only when the stack is as it will be: whoever is told of a close may close others, or take one.
  #close (ended: readonly Ended[], now: number): void {
    for (const { connection, reason } of ended) this.#host.close(connection, reason, now - connection.idleSince)
  }

  // One timer, for whichever's time is over first; taking a connection does not move it.
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
