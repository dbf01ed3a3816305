import type { ActiveSet } from './active-set.js'
import type { Connection } from './connection.js'
import type { ConnectionObserver } from './observer.js'
import type { Waiters } from './waiters.js'
import type { Ticket } from './waiting-queue.js'

/** Gives a pool's connections to requests. From then on, the connection belongs to its exchange. */
export class Grants {
  readonly #clock: () => number
  readonly #observers: Required<ConnectionObserver>
  readonly #active: ActiveSet
  readonly #waiters: Waiters

  constructor (clock: () => number, { observers, active, waiters }: { observers: Required<ConnectionObserver>, active: ActiveSet, waiters: Waiters }) {
    this.#clock = clock
    this.#observers = observers
    this.#active = active
    this.#waiters = waiters
  }

  /** Gives a connection to the caller. @param idleMs how long it was idle @param waitMs how long its request has waited */
  take (connection: Connection, now: number, idleMs: number, waitMs: number): void {
    connection.toActive(now)
    this.#active.add(connection)
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
