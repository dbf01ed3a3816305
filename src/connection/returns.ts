import type { CloseReason } from './close-reason.js'
import type { Closing } from './closing.js'
import type { Connection } from './connection.js'
import type { Draining } from './draining.js'
import type { Grants } from './grants.js'
import type { ResponseView } from './observer.js'
import type { PoolContext } from './pool-context.js'
import { Resting, restAfterBodiless } from './resting.js'
import type { Supply } from './supply.js'
import type { Waiters } from './waiters.js'

interface Parts {
  readonly waiters: Waiters
  readonly grants: Grants
  readonly supply: Supply
  readonly closing: Closing
  readonly draining: Draining
}

/** Takes a target's connections back from their exchanges. Each is closed, becomes idle, or goes to the request that has waited longest. */
export class Returns {
  readonly #context: PoolContext
  readonly #clock: () => number
  readonly #parts: Parts
  readonly #resting: Resting

  constructor (context: PoolContext, clock: () => number, parts: Parts) {
    this.#context = context
    this.#clock = clock
    this.#parts = parts
    this.#resting = new Resting(clock, connection => this.#rested(connection))
  }

  /** Decides about a connection whose exchange has ended. @param reason why the connection must close; undefined where it may be kept */
  settle (connection: Connection, reason: CloseReason | undefined, response: ResponseView | undefined): void {
    const { closing, supply } = this.#parts
    const { active } = connection.pool
    if (!active.has(connection)) return
    if (response !== undefined) {
      connection.countDown(response.signal.max)
      this.#context.observers.responded(connection.view, response)
    }
    active.delete(connection)
    if (reason === undefined) this.#takeBack(connection, response !== undefined)
    else closing.close(connection, reason, reason === 'backend_idle' ? connection.acquiredAt - connection.idleSince : undefined)
    // Remaining waiters need a fresh connection, or lost this one to an earlier waiter: dial.
    supply.fill()
  }

  stop (): void {
    this.#resting.stop()
  }

  // An exchange that got no response is no evidence about the backend. Its connection keeps the idle time from before that exchange,
  // if it has served before.
  #takeBack (connection: Connection, answered: boolean): void {
    const { closing } = this.#parts
    const { idle } = connection.pool
    const now = this.#clock()
    const reason = connection.endedBy ?? this.#refusal(connection, now)
    if (reason !== undefined) {
      closing.close(connection, reason, connection.endedBy === 'backend_idle' ? 0 : undefined)
      return
    }
    if (answered) {
      const { acquiredAt, idleSince, served } = connection
      const ms = now - acquiredAt
      this.#context.belief.exchanged(ms, served > 1 ? acquiredAt - idleSince : 0)
      connection.pool.host.exchanged(ms)
    }
    connection.toIdle(answered || connection.served === 0 ? now : connection.idleSince)
    idle.push(connection)
    if (answered && connection.bodiless) this.#resting.add(connection, restAfterBodiless(this.#context.belief.roundTripMs))
    this.#context.observers.released(connection.view)
    this.#offer(connection)
  }

  /**
   * Why a connection is closed although it could carry another request; undefined where it is kept. This is decided before `#offer`: a
   * reason here also takes the connection from a request that waits for one.
   */
  #refusal (connection: Connection, now: number): CloseReason | undefined {
    const { draining, supply } = this.#parts
    const { host, room } = connection.pool
    if (draining.begun) return 'drained'
    // A bound may have been lowered while the connection was active.
    return host.refuseReturn(connection) ?? connection.wornBy(now, supply.generation) ?? (room.full ? 'evicted' : undefined)
  }

  /** Gives an idle connection to the request that has waited longest for one. */
  #offer (connection: Connection): void {
    // While its endpoint is on trial, only requests that can be sent again may take it.
    if (connection.resting || connection.boundTo !== undefined || connection.pool.host.persistence !== 'persistent') return
    const { waiters, grants } = this.#parts
    const { idle } = connection.pool
    const ticket = waiters.next(connection.pool, false)
    // `remove` is false where an observer has had the connection closed.
    if (ticket !== undefined && idle.remove(connection)) grants.hand(connection, ticket, false)
  }

  // A bound connection is offered to no waiter, but `fill` may close it to make room.
  #rested (connection: Connection): void {
    if (connection.state !== 'idle') return
    this.#offer(connection)
    this.#parts.supply.fill()
  }
}
