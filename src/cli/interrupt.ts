import { constants } from 'node:os'

// In ms. One Ctrl-C may arrive twice: from the terminal, and from npm, which passes it on.
const ECHO = 200

/** SIGINT and SIGTERM: the first asks a long command to end with what it has, the second ends the process. */
export class Interrupt {
  /** The exit code after a signal, as shells report it: 128 and the signal's number. Undefined before. */
  exitCode: number | undefined
  readonly #controller = new AbortController()
  readonly #listeners = (['SIGINT', 'SIGTERM'] as const).map(name => ({ name, listener: () => this.#take(name) }))
  #at = 0

  constructor () {
    for (const { name, listener } of this.#listeners) process.on(name, listener)
  }

  get signal (): AbortSignal {
    return this.#controller.signal
  }

  forget (): void {
    for (const { name, listener } of this.#listeners) process.off(name, listener)
  }

  #take (name: 'SIGINT' | 'SIGTERM'): void {
    const code = 128 + constants.signals[name]
    if (this.exitCode !== undefined) {
      if (performance.now() - this.#at > ECHO) process.exit(code)
      return
    }
    this.#at = performance.now()
    this.exitCode = code
    this.#controller.abort()
  }
}
