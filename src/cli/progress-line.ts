// To a file or a pipe, in ms between two lines.
const SPARSE = 15_000
// Of a terminal that does not tell.
const USUAL_COLUMNS = 80

/** Says how far a long command has come: in one line that is rewritten on a terminal, elsewhere in a line now and then. */
export class ProgressLine {
  readonly #stream: NodeJS.WriteStream
  readonly #rewritten: boolean
  #saidAt = performance.now()
  #shown = false

  constructor (stream: NodeJS.WriteStream) {
    this.#stream = stream
    this.#rewritten = stream.isTTY && process.env['TERM'] !== 'dumb'
  }

  show (text: string): void {
    if (this.#rewritten) {
      this.#shown = true
      // A line that wraps could not be rewritten.
      this.#stream.write(`\r\x1b[K${text.slice(0, (this.#stream.columns || USUAL_COLUMNS) - 1)}`)
      return
    }
    if (performance.now() - this.#saidAt < SPARSE) return
    this.#saidAt = performance.now()
    this.#stream.write(`${text}\n`)
  }

  /** Leaves the terminal's line empty for what comes next. */
  clear (): void {
    if (this.#shown) this.#stream.write('\r\x1b[K')
    this.#shown = false
  }
}
