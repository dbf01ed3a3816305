import type { HoldfastError } from '../errors.js'
import type { Connection } from './connection.js'
import type { Dial } from './dial.js'

/** Somebody who waits for a connection. Exactly one of the two is called, once. */
export interface Waiter {
  /** `fresh`: dialled and handed straight over; it never lay in the pool and has carried nothing. */
  granted (connection: Connection, fresh: boolean, waitMs: number): void
  refused (error: HoldfastError): void
}

/** A waiter's place in a queue. */
export interface Ticket {
  readonly waiter: Waiter
  /** Takes only a connection that was dialled and never used. */
  readonly freshOnly: boolean
  /** Since when it waits, on the pool's clock. */
  readonly since: number
  /** Its dial, while one is under way. */
  dial: OwnedDial | undefined
  /** Until when a refused dial is tried again; 0 before the first one. */
  retryUntil: number
  retryTimer: NodeJS.Timeout | undefined
  queue: WaitingQueue | undefined
  before: Ticket | undefined
  after: Ticket | undefined
}

export function newTicket (waiter: Waiter, freshOnly: boolean, since: number): Ticket {
  return { waiter, freshOnly, since, dial: undefined, retryUntil: 0, retryTimer: undefined, queue: undefined, before: undefined, after: undefined }
}

/** Which of two has waited longer; the second where they came together. */
export function earlier (one: Ticket | undefined, other: Ticket | undefined): Ticket | undefined {
  return one === undefined ? other : other === undefined || one.since < other.since ? one : other
}

/** A dial under way, and for whom; its owner may be served, or leave, before it is done. */
export interface OwnedDial {
  dial: Dial
  owner: Ticket | undefined
  /** Where it is among those under way. */
  place: number
}

/** First come, first served; anybody may leave from anywhere. */
export class WaitingQueue {
  first: Ticket | undefined
  #last: Ticket | undefined
  size = 0

  /** Most come last; whoever comes from another queue has waited longer than some, and is not put behind them. */
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

  /** The one that has waited longest, of those that take a connection that has been used. */
  firstFor (fresh: boolean): Ticket | undefined {
    if (fresh) return this.first
    let ticket = this.first
    while (ticket?.freshOnly === true) ticket = ticket.after
    return ticket
  }
}
