import type { Bindings } from './bindings.js'
import { isIdleClose } from './close-reason.js'
import type { CloseReason } from './close-reason.js'
import type { Connection } from './connection.js'
import type { Draining } from './draining.js'
import type { Pool } from './pool.js'
import type { PoolContext } from './pool-context.js'
import { Sentinel } from './sentinel.js'

interface Parts {
  readonly pools: readonly Pool[]
  readonly bindings: Bindings
  readonly draining: Draining
}

/** Ends a target's connections, each with one reason, and tells observers and the belief. */
export class Closing {
  /** The connection past the learned limit that stays open to watch its backend. */
  readonly sentinel: Sentinel
  readonly #context: PoolContext
  readonly #pools: readonly Pool[]
  readonly #bindings: Bindings
  readonly #draining: Draining

  constructor (context: PoolContext, clock: () => number, { pools, bindings, draining }: Parts) {
    this.#context = context
    this.#pools = pools
    this.#bindings = bindings
    this.#draining = draining
    this.sentinel = new Sentinel(context.belief, clock, (connection, reason, idleMs) => this.close(connection, reason, idleMs))
  }

  /** Whether a connection is open that has been idle for more than 100 ms, the sentinel included. */
  get somethingSettled (): boolean { return this.#pools.some(({ idle }) => idle.settled) || this.sentinel.idleMs !== undefined }

  /** Ends a connection that the pool has removed from its sets. @param idleMs undefined unless the connection was idle */
  close (connection: Connection, reason: CloseReason, idleMs: number | undefined): void {
    if (connection.state === 'closed') return
    connection.destroy()
    this.closed(connection, reason, idleMs)
  }

  /** Ends a connection that has been idle for long, or makes it the sentinel. */
  retire (connection: Connection, reason: CloseReason, idleMs: number): void {
    if (!this.#draining.begun && connection.served > 0 && connection.boundTo === undefined && this.sentinel.post(connection, idleMs)) return
    this.close(connection, reason, idleMs)
  }

  /** Reports the close of a connection whose socket has ended, or which its present owner ends. */
  closed (connection: Connection, reason: CloseReason, idleMs: number | undefined): void {
    connection.toClosed()
    this.#bindings.release(connection)
    const { observers, belief } = this.#context
    observers.closed(connection.view, reason, idleMs)
    connection.pool.host.poolShrank()
    if (!isIdleClose(reason) || idleMs === undefined || connection.served === 0) return
    belief.closedAfter(connection, idleMs)
    connection.pool.host.idleClosed(connection, idleMs)
    belief.closed(idleMs, this.somethingSettled)
  }
}
