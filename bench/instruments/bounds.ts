/** The bounds of a measurement. Each is printed once, after all figures. */
export class Bounds {
  readonly #lines: string[] = []
  #broken = false

  /** Whether a bound is broken. */
  get broken (): boolean { return this.#broken }

  /** @param saw the figures, printed when the bound is broken */
  hold (bound: string, holds: boolean, saw = ''): void {
    if (holds) {
      this.#lines.push(`ok ${bound}`)
      return
    }
    this.#broken = true
    this.#lines.push(`FAILED: ${bound}${saw === '' ? '' : `, but ${saw}`}`)
  }

  /** For a bound that is missed by less than the noise between rounds: it is neither kept nor broken. */
  undecided (bound: string, saw: string): void {
    this.#lines.push(`undecided: ${bound}: ${saw}`)
  }

  /** Prints a line a bound. The process exits with 1 if a bound is broken. */
  report (): void {
    console.log(`\n${this.#lines.join('\n')}`)
    if (this.#broken) process.exitCode = 1
  }
}

/** `--quick`: fewer and shorter rounds, the same bounds. */
export const quick = process.argv.includes('--quick')
