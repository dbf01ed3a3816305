import type { ActiveSet } from './active-set.js'
import type { Connection } from './connection.js'
import type { ConnectionObserver } from './observer.js'
import type { Waiters } from './waiters.js'
import type { Ticket } from './waiting-queue.js'

/** Gives a pool's connections to requests: from then on a connection belongs to its exchange. */
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

  /** To the caller. @param idleMs how long it has lain in the pool @param waitMs how long its request has waited for it */
  take (connection: Connection, now: number, idleMs: number, waitMs: number): void {
    connection.toActive(now)
    this.#active.add(connection)
    this.#observers.acquired(connection.view, idleMs, waitMs)
  }

  /** To a request that waits. @param fresh whether it never lay in the pool */
  hand (connection: Connection, ticket: Ticket, fresh: boolean): void {
    this.#waiters.remove(ticket)
    // Its dial goes on, for the next one that waits.
    if (ticket.dial !== undefined) ticket.dial.owner = undefined
    const now = this.#clock()
    const waitMs = now - ticket.since
    this.take(connection, now, 0, waitMs)
    ticket.waiter.granted(connection, fresh, waitMs)
  }
}
