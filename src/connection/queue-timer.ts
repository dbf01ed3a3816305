import type { Ticket, WaitingQueue } from './waiting-queue.js'

/** Refuses the tickets of a queue that have waited too long. It has one timer, for the ticket that has waited longest. */
export class QueueTimer {
  readonly #queue: WaitingQueue
  readonly #clock: () => number
  readonly #patience: () => number
  readonly #refuse: (ticket: Ticket) => void
  #timer: NodeJS.Timeout | undefined

  /**
   * @param patience how long a ticket may wait, in ms; called each time, since it may change
   * @param refuse removes the ticket from the queue
   */
  constructor (queue: WaitingQueue, clock: () => number, patience: () => number, refuse: (ticket: Ticket) => void) {
    this.#queue = queue
    this.#clock = clock
    this.#patience = patience
    this.#refuse = refuse
  }

  /** Call this when another ticket is the first, or when the time that a ticket may wait has changed. */
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
