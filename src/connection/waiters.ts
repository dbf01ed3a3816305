import { HoldfastError } from '../errors.js'
import type { ConnectionPool } from './connection.js'
import { QueueTimer } from './queue-timer.js'
import { WaitingQueue, earlier } from './waiting-queue.js'
import type { Ticket } from './waiting-queue.js'

/** The requests that wait for a connection of one target. */
export class Waiters {
  /** Tickets with a dial of their own, or whose dial is about to be tried again. */
  readonly #dialling = new WaitingQueue()
  /** Tickets without a dial. */
  readonly #queued = new WaitingQueue()
  readonly #timer: QueueTimer
  #joined = 0

  /** @param patience how long a ticket may wait without a dial, in ms; called each time, since it may change */
  constructor (clock: () => number, patience: () => number) {
    this.#timer = new QueueTimer(this.#queued, clock, patience, ticket => this.refuse(ticket, new HoldfastError('HOLDFAST_ERR_QUEUE_TIMEOUT')))
  }

  get queued (): number { return this.#queued.size }
  get dialling (): number { return this.#dialling.size }
  get firstQueued (): Ticket | undefined { return this.#queued.first }
  get firstDialling (): Ticket | undefined { return this.#dialling.first }

  /** The ticket that has waited longest and takes such a connection. @param fresh whether the connection is fresh */
  next (pool: ConnectionPool, fresh: boolean): Ticket | undefined {
    return earlier(this.#queued.firstFor(pool, fresh), this.#dialling.firstFor(pool, fresh))
  }

  /** The ticket waits for a place, or for a returned connection. */
  queue (ticket: Ticket): void {
    this.remove(ticket)
    this.#queued.push(ticket)
    if (this.#queued.first === ticket) this.#timer.restart()
  }

  /** The ticket has a dial. */
  dial (ticket: Ticket): void {
    if (ticket.queue === this.#dialling) return
    this.remove(ticket)
    this.#dialling.push(ticket)
  }

  /** The ticket dials later. Meanwhile it keeps its place, and may get a returned connection. */
  dialLater (ticket: Ticket, ms: number, dial: () => void): void {
    ticket.retryTimer = setTimeout(() => {
      ticket.retryTimer = undefined
      dial()
    }, ms)
  }

  /** The ticket waits so many ms for the result of a dial that is under way. @param after called when that has come to nothing */
  join (ticket: Ticket, ms: number, after: () => void): void {
    this.dial(ticket)
    ticket.joins = true
    this.#joined++
    this.dialLater(ticket, ms, after)
  }

  /** The dial that tickets have waited for has failed. */
  refuseJoined (error: HoldfastError): void {
    let ticket = this.#joined === 0 ? undefined : this.#dialling.first
    while (ticket !== undefined) {
      const { after } = ticket
      if (ticket.joins) this.refuse(ticket, error)
      ticket = after?.queue === undefined && after !== undefined ? this.#dialling.first : after
    }
  }

  remove (ticket: Ticket): void {
    if (ticket.joins) {
      ticket.joins = false
      this.#joined--
    }
    ticket.queue?.remove(ticket)
    clearTimeout(ticket.retryTimer)
    ticket.retryTimer = undefined
    // The timer of an empty queue would keep the process alive.
    if (this.#queued.size === 0) this.#timer.stop()
  }

  refuse (ticket: Ticket, error: HoldfastError): void {
    this.remove(ticket)
    ticket.waiter.refused(error)
  }

  /** Call this when the time that a ticket may wait has changed. */
  patienceChanged (): void {
    this.#timer.restart()
  }

  stop (): void {
    this.#timer.stop()
  }
}
