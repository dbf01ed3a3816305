import { EventEmitter, once } from 'node:events'

interface Timer { readonly at: number, readonly then: () => void }

/** A clock, timers and a random number that the test sets. Time passes only in `pass`. */
export class GivenTime {
  now = 0
  /** What `random` answers. */
  chance = 0
  /** Timers of at most so many ms come in the next turn of the event loop, and no time passes for them. */
  hurry = -1
  readonly #timers = new Set<Timer>()
  readonly #changes = new EventEmitter()

  readonly clock = (): number => this.now
  readonly random = (): number => this.chance
  readonly after = (ms: number, then: () => void): (() => void) => {
    const timer = { at: this.now + ms, then }
    this.#timers.add(timer)
    this.#changes.emit('set')
    if (ms <= this.hurry) setImmediate(() => { if (this.#timers.delete(timer)) then() })
    return () => { this.#timers.delete(timer) }
  }

  /** How many timers wait. */
  get timers (): number { return this.#timers.size }

  /** In how many ms the next timer comes; undefined if none waits. */
  get next (): number | undefined {
    return this.#timers.size === 0 ? undefined : Math.min(...Array.from(this.#timers, ({ at }) => at)) - this.now
  }

  /** Lets time pass, and calls what is due, in its order. */
  pass (ms: number): void {
    const end = this.now + ms
    for (;;) {
      const [due] = [...this.#timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)
      if (due === undefined) break
      this.#timers.delete(due)
      this.now = due.at
      due.then()
    }
    this.now = end
  }

  /** Resolves when a timer waits that comes in at least, and at most, so many ms. */
  async waitsFor (least: number, most = least): Promise<void> {
    const isSet = (): boolean => Array.from(this.#timers, ({ at }) => at - this.now).some(ms => ms >= least && ms <= most)
    while (!isSet()) await once(this.#changes, 'set')
  }
}
