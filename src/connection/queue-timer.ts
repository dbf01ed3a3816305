import type { Ticket, WaitingQueue } from './waiting-queue.js'

/** Finds those in a queue who have waited for too long: one timer, for the one that has waited longest. */
export class QueueTimer {
  readonly #queue: WaitingQueue
  readonly #clock: () => number
  readonly #patience: () => number
  readonly #refuse: (ticket: Ticket) => void
  #timer: NodeJS.Timeout | undefined

  /** @param patience how long one may wait, in ms; asked each time, since it may change @param refuse takes the ticket out of the queue */
  constructor (queue: WaitingQueue, clock: () => number, patience: () => number, refuse: (ticket: Ticket) => void) {
    this.#queue = queue
    this.#clock = clock
    this.#patience = patience
    this.#refuse = refuse
  }

  /** For when another one is the first, or its time may be over sooner than was thought. */
  restart (): void {
    this.stop()
    const { first } = this.#queue
    if (first === undefined) return
    this.#timer = setTimeout(() => this.#look(), Math.max(1, first.since + this.#patience() - this.#clock()))
  }

  stop (): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #look (): void {
    const now = this.#clock()
    for (let ticket = this.#queue.first; ticket !== undefined && ticket.since + this.#patience() <= now; ticket = this.#queue.first) this.#refuse(ticket)
    this.restart()
  }
}
