import { HoldfastError } from '../errors.js'
import { QueueTimer } from './queue-timer.js'
import { WaitingQueue, earlier } from './waiting-queue.js'
import type { Ticket } from './waiting-queue.js'

/** The requests that wait for a connection of one pool. */
export class Waiters {
  /** Those with a dial of their own, or about to try it again. */
  readonly #dialling = new WaitingQueue()
  /** Those without. */
  readonly #queued = new WaitingQueue()
  readonly #timer: QueueTimer

  /** @param patience how long one may wait without a dial, in ms; asked each time, since it may change */
  constructor (clock: () => number, patience: () => number) {
    this.#timer = new QueueTimer(this.#queued, clock, patience, ticket => this.refuse(ticket, new HoldfastError('HOLDFAST_ERR_QUEUE_TIMEOUT')))
  }

  get queued (): number { return this.#queued.size }
  get dialling (): number { return this.#dialling.size }
  get firstQueued (): Ticket | undefined { return this.#queued.first }
  get firstDialling (): Ticket | undefined { return this.#dialling.first }

  /** The one that has waited longest for a connection of this kind. */
  next (fresh: boolean): Ticket | undefined {
    return earlier(this.#queued.firstFor(fresh), this.#dialling.firstFor(fresh))
  }

  /** It waits for a place, or for a connection that is returned. */
  queue (ticket: Ticket): void {
    this.remove(ticket)
    this.#queued.push(ticket)
    if (this.#queued.first === ticket) this.#timer.restart()
  }

  /** It has a dial. */
  dial (ticket: Ticket): void {
    if (ticket.queue === this.#dialling) return
    this.remove(ticket)
    this.#dialling.push(ticket)
  }

  /** Its dial has failed, and is tried again later. It keeps its place meanwhile, and takes a connection that is returned. */
  dialLater (ticket: Ticket, ms: number, dial: () => void): void {
    ticket.retryTimer = setTimeout(() => {
      ticket.retryTimer = undefined
      dial()
    }, ms)
  }

  remove (ticket: Ticket): void {
    ticket.queue?.remove(ticket)
    clearTimeout(ticket.retryTimer)
    ticket.retryTimer = undefined
    // The timer would keep the process until the last one's time had been over.
    if (this.#queued.size === 0) this.#timer.stop()
  }

  refuse (ticket: Ticket, error: HoldfastError): void {
    this.remove(ticket)
    ticket.waiter.refused(error)
  }

  /** How long one may wait has changed. */
  patienceChanged (): void {
    this.#timer.restart()
  }

  stop (): void {
    this.#timer.stop()
  }
}
