import { HoldfastError } from '../errors.js'
import { QueueTimer } from './queue-timer.js'
import { WaitingQueue, earlier } from './waiting-queue.js'
import type { Ticket } from './waiting-queue.js'

/** The requests that wait for a connection of one pool. */
export class Waiters {
  /** Tickets with a dial of their own, or whose dial is about to be tried again. */
  readonly #dialling = new WaitingQueue()
  /** Tickets without a dial. */
  readonly #queued = new WaitingQueue()
  readonly #timer: QueueTimer

  /** @param patience how long a ticket may wait without a dial, in ms; called each time, since it may change */
  constructor (clock: () => number, patience: () => number) {
    this.#timer = new QueueTimer(this.#queued, clock, patience, ticket => this.refuse(ticket, new HoldfastError('HOLDFAST_ERR_QUEUE_TIMEOUT')))
  }

  get queued (): number { return this.#queued.size }
  get dialling (): number { return this.#dialling.size }
  get firstQueued (): Ticket | undefined { return this.#queued.first }
  get firstDialling (): Ticket | undefined { return this.#dialling.first }

  /** The ticket that has waited longest and takes such a connection. @param fresh whether the connection is fresh */
  next (fresh: boolean): Ticket | undefined {
    return earlier(this.#queued.firstFor(fresh), this.#dialling.firstFor(fresh))
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

  /** The ticket's dial has failed, and is tried again later. Meanwhile the ticket keeps its place, and may get a returned connection. */
  dialLater (ticket: Ticket, ms: number, dial: () => void): void {
    ticket.redialled = true
    ticket.retryTimer = setTimeout(() => {
      ticket.retryTimer = undefined
      dial()
    }, ms)
  }

  remove (ticket: Ticket): void {
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
