import { constants } from 'node:os'

// One Ctrl-C may come twice: to the process, and handed on by npm.
const ECHO = 200

/** SIGINT and SIGTERM: the first asks a long command to end with what it has, the second ends the process. */
export class Interrupt {
  /** What the process is to exit with, once there was a signal: as a shell says of what a signal has ended. */
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
