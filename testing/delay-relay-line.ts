/** A clock that all processes of the machine share, in ms, so that their records can be compared. */
export function machineTime (): number {
  return Number(process.hrtime.bigint()) / 1e6
}

/**
 * One direction of a path: what goes in comes out a fixed time later, in order. Its timers may fire late. Each event carries the time at
 * which it was due, so decisions by that time are right on a busy machine too.
 */
export class DelayLine<Event> {
  readonly #delay: number
  readonly #deliver: (event: Event, due: number) => void
  readonly #queue: Array<{ readonly due: number, readonly event: Event }> = []
  #timer: NodeJS.Timeout | undefined

  constructor (delay: number, deliver: (event: Event, due: number) => void) {
    this.#delay = delay
    this.#deliver = deliver
  }

  /** @param at when it went in */
  push (event: Event, at: number): void {
    this.#queue.push({ due: at + this.#delay, event })
    this.#arm()
  }

  /** Delivers what is due before a time, even if its timer has not fired yet. */
  flush (before: number): void {
    // A delivery may push more, or stop the line.
    for (let first = this.#queue[0]; first !== undefined && first.due < before; first = this.#queue[0]) {
      this.#queue.shift()
      this.#deliver(first.event, first.due)
    }
    this.#arm()
  }

  /** Drops what is on its way. */
  stop (): void {
    this.#queue.length = 0
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #arm (): void {
    const first = this.#queue[0]
    if (first === undefined || this.#timer !== undefined) return
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.flush(machineTime())
    }, Math.max(0, first.due - machineTime()))
  }
}
