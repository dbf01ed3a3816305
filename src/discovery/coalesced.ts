import type { Timing } from './timing.js'

/** The shortest time, in ms, between two lists that a source pushes. */
export const BETWEEN_PUSHES = 100

/**
 * Calls a function for a burst of calls: at once for the first one, and then at most each `BETWEEN_PUSHES`. The last call of a burst is
 * never lost.
 */
export class Coalesced {
  readonly #timing: Timing
  readonly #then: () => void
  #calledAt = -Infinity
  #cancel: (() => void) | undefined

  constructor (timing: Timing, then: () => void) {
    this.#timing = timing
    this.#then = then
  }

  call (): void {
    if (this.#cancel !== undefined) return
    const wait = this.#calledAt + BETWEEN_PUSHES - this.#timing.clock()
    if (wait > 0) this.#cancel = this.#timing.after(wait, () => this.#run())
    else this.#run()
  }

  /** Makes a call that has not come yet now. */
  flush (): void {
    if (this.#cancel === undefined) return
    this.#cancel()
    this.#run()
  }

  /** Forgets a call that has not come yet. */
  stop (): void {
    this.#cancel?.()
    this.#cancel = undefined
  }

  #run (): void {
    this.#cancel = undefined
    this.#calledAt = this.#timing.clock()
    this.#then()
  }
}
