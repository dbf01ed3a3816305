/** Whether a pool drains (takes no new work), and the callers of `drain()` that wait until its old work is finished. */
export class Draining {
  readonly #isEmpty: () => boolean
  readonly #emptied: () => void
  #begun = false
  #waiting: (() => void)[] = []

  /** @param emptied called when the pool drains and is empty, before the waiting callers are told */
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

  /** Call this when a connection, a dial or a waiter of the pool has ended. */
  check (): void {
    if (!this.#begun || !this.#isEmpty()) return
    this.#emptied()
    const waiting = this.#waiting
    this.#waiting = []
    for (const resolve of waiting) resolve()
  }
}
