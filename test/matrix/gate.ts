/** A place where something waits until the gate is opened, and which tells when something has reached it. */
export class Gate {
  /** Resolves when something reaches it for the first time. */
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

  /** Waits until the gate opens. Rejects if it was opened with an error, the first time only; later calls pass. */
  async pass (): Promise<void> {
    const first = !this.#isReached
    this.mark()
    await (first ? this.#opened : this.#opened.catch(() => {}))
  }

  /** Notes that something has reached it, without waiting. */
  mark (): void {
    this.#isReached = true
    this.#tell()
  }

  open (error?: Error): void {
    this.#let(error)
  }
}
