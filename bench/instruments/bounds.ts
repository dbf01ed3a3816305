/** What a measurement must keep to. Each bound is said once, when all figures are printed. */
export class Bounds {
  readonly #lines: string[] = []
  #broken = false

  /** @param saw the figures, printed when the bound is broken */
  hold (bound: string, holds: boolean, saw = ''): void {
    if (holds) {
      this.#lines.push(`ok ${bound}`)
      return
    }
    this.#broken = true
    this.#lines.push(`FAILED: ${bound}${saw === '' ? '' : `, but ${saw}`}`)
  }

  /** For a bound that is missed by less than what the same thing differs by from round to round: neither kept nor broken. */
  undecided (bound: string, saw: string): void {
    this.#lines.push(`undecided: ${bound}: ${saw}`)
  }

  /** Prints a line a bound; the process exits with 1 if one was broken. */
  report (): void {
    console.log(`\n${this.#lines.join('\n')}`)
    if (this.#broken) process.exitCode = 1
  }
}

/** `--quick`: fewer and shorter rounds, the same bounds. */
export const quick = process.argv.includes('--quick')
