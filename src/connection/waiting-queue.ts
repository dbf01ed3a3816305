import type { HoldfastError } from '../errors.js'
import type { Connection, ConnectionPool } from './connection.js'
import type { Dial } from './dial.js'
import type { Seeker } from './seeker.js'

/** A request that waits for a connection. Exactly one of the two methods is called, once. */
export interface Waiter {
  /** @param fresh whether the connection was handed over right after its dial, and never lay in the pool */
  granted (connection: Connection, fresh: boolean, waitMs: number): void
  refused (error: HoldfastError): void
}

/** A waiter's place in a queue. */
export interface Ticket {
  readonly waiter: Waiter
  /** Where it may go; undefined: to the only pool. */
  readonly seeker: Seeker | undefined
  /** Whether the waiter takes only a fresh connection. */
  readonly freshOnly: boolean
  /** Since when the waiter waits, on the pool's clock. */
  readonly since: number
  /** Its dial, while one is under way. */
  dial: OwnedDial | undefined
  /** Until when a refused dial is tried again; 0 before the first one. */
  retryUntil: number
  /** Whether a refused dial is, or was, tried again. */
  redialled: boolean
  /** Whether it waits for the result of another request's dial. */
  joins: boolean
  retryTimer: NodeJS.Timeout | undefined
  queue: WaitingQueue | undefined
  before: Ticket | undefined
  after: Ticket | undefined
}

export function newTicket (waiter: Waiter, seeker: Seeker | undefined, freshOnly: boolean, since: number): Ticket {
  return {
    waiter,
    seeker,
    freshOnly,
    since,
    dial: undefined,
    retryUntil: 0,
    redialled: false,
    joins: false,
    retryTimer: undefined,
    queue: undefined,
    before: undefined,
    after: undefined
  }
}

/** The one of two tickets that has waited longer; the second if both began at the same time. */
export function earlier (one: Ticket | undefined, other: Ticket | undefined): Ticket | undefined {
  return one === undefined ? other : other === undefined || one.since < other.since ? one : other
}

/** A dial under way and its owner. The owner becomes undefined if it is served or leaves before the dial is done. */
export interface OwnedDial {
  dial: Dial
  owner: Ticket | undefined
  /** Whether it was begun for no waiter. */
  readonly probes: boolean
  /** Its index among the dials under way. `PlacedSet` writes it. */
  place: number
}

/** A first-in, first-out queue of tickets. A ticket may leave from any position. */
export class WaitingQueue {
  first: Ticket | undefined
  #last: Ticket | undefined
  size = 0

  /**
   * Adds a ticket by its `since`. Most go to the end. A ticket from another queue may have waited longer than some, and goes before them.
   */
  push (ticket: Ticket): void {
    let before = this.#last
    while (before !== undefined && before.since > ticket.since) before = before.before
    const after = before === undefined ? this.first : before.after
    ticket.queue = this
    ticket.before = before
    ticket.after = after
    if (before === undefined) this.first = ticket
    else before.after = ticket
    if (after === undefined) this.#last = ticket
    else after.before = ticket
    this.size++
  }

  remove (ticket: Ticket): void {
    if (ticket.before === undefined) this.first = ticket.after
    else ticket.before.after = ticket.after
    if (ticket.after === undefined) this.#last = ticket.before
    else ticket.after.before = ticket.before
    ticket.queue = ticket.before = ticket.after = undefined
    this.size--
  }

  /** The ticket that has waited longest of those that take such a connection. @param fresh whether the connection is fresh */
  firstFor (pool: ConnectionPool, fresh: boolean): Ticket | undefined {
    for (let ticket = this.first; ticket !== undefined; ticket = ticket.after) {
      if ((fresh || !ticket.freshOnly) && ticket.seeker?.takes(pool) !== false) return ticket
    }
    return undefined
  }
}
