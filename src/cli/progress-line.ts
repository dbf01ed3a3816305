// Between two lines to a file or a pipe, in ms.
const SPARSE = 15_000
// Assumed of a terminal that does not tell its width.
const USUAL_COLUMNS = 80

/** Shows the progress of a long command. On a terminal one line is rewritten; elsewhere a line is added now and then. */
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
      // A line that wraps cannot be rewritten.
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
