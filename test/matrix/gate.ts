/** Where something waits until it is let through, and tells that it has come. */
export class Gate {
  /** Resolves when something has come for the first time. */
  readonly reached: Promise<void>
  readonly #opened: Promise<void>
  #tell: () => void = () => {}
  #let: (error?: Error) => void = () => {}
  #isReached = false

  constructor () {
    this.reached = new Promise(resolve => { this.#tell = resolve })
    this.#opened = new Promise((resolve, reject) => { this.#let = error => error === undefined ? resolve() : reject(error) })
    this.#opened.catch(() => {})
  }

  get isReached (): boolean {
    return this.#isReached
  }

  /** Waits here. Rejects where the gate was opened with an error, and the first time only: what comes of that error passes. */
  async pass (): Promise<void> {
    const first = !this.#isReached
    this.mark()
    await (first ? this.#opened : this.#opened.catch(() => {}))
  }

  /** Tells that something has come, which does not wait. */
  mark (): void {
    this.#isReached = true
    this.#tell()
  }

  open (error?: Error): void {
    this.#let(error)
  }
}
