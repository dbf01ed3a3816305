/** Whether a pool takes no new work any more, and the callers of `drain()` that wait until its old work is finished. */
export class Draining {
  readonly #isEmpty: () => boolean
  readonly #emptied: () => void
  #begun = false
  #waiting: (() => void)[] = []

  /** @param emptied is called once the pool drains and is empty, before the callers that wait are told */
  constructor (isEmpty: () => boolean, emptied: () => void) {
    this.#isEmpty = isEmpty
    this.#emptied = emptied
  }

  get begun (): boolean { return this.#begun }

  begin (): void {
    this.#begun = true
  }

  /** Resolves when the pool drains and is empty. */
  finished (): Promise<void> {
    return new Promise(resolve => {
      this.#waiting.push(resolve)
      this.check()
    })
  }

  /** For when something of the pool's has ended. */
  check (): void {
    if (!this.#begun || !this.#isEmpty()) return
    this.#emptied()
    const waiting = this.#waiting
    this.#waiting = []
    for (const resolve of waiting) resolve()
  }
}
