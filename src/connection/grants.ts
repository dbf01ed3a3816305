import type { Connection } from './connection.js'
import type { ConnectionObserver } from './observer.js'
import type { Waiters } from './waiters.js'
import type { Ticket } from './waiting-queue.js'

/** Gives a target's connections to requests. From then on, the connection belongs to its exchange. */
export class Grants {
  readonly #clock: () => number
  readonly #observers: Required<ConnectionObserver>
  readonly #waiters: Waiters

  constructor (clock: () => number, { observers, waiters }: { observers: Required<ConnectionObserver>, waiters: Waiters }) {
    this.#clock = clock
    this.#observers = observers
    this.#waiters = waiters
  }

  /** Gives a connection to the caller. @param idleMs how long it was idle @param waitMs how long its request has waited */
  take (connection: Connection, now: number, idleMs: number, waitMs: number): void {
    connection.toActive(now)
    connection.pool.active.add(connection)
    this.#observers.acquired(connection.view, idleMs, waitMs)
  }

  /** Gives a connection to a waiting request. @param fresh whether the connection never lay in the pool */
  hand (connection: Connection, ticket: Ticket, fresh: boolean): void {
    this.#waiters.remove(ticket)
    // The ticket's own dial goes on, for the next waiter.
    if (ticket.dial !== undefined) ticket.dial.owner = undefined
    const now = this.#clock()
    const waitMs = now - ticket.since
    this.take(connection, now, 0, waitMs)
    ticket.waiter.granted(connection, fresh, waitMs)
  }
}
