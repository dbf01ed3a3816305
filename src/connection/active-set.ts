import { HoldfastError } from '../errors.js'
import type { Connection } from './connection.js'
import { PlacedSet } from './placed-set.js'

// Interval between two looks at all deadlines, in ms. A deadline fires at most two intervals late.
const TICK = 200
// A backend with a free worker answers a fresh connection sooner than this, in ms.
const STARVED = 2_000

/**
 * A pool's active connections. One interval checks the deadlines of all of them, so that no request costs a timer.
 */
export class ActiveSet {
  readonly #connections = new PlacedSet<Connection>()
  readonly #clock: () => number
  readonly #starved: () => void
  #timer: NodeJS.Timeout | undefined

  /** @param starved called when a fresh connection gets no answer: its backend may serve it only after another connection has ended */
  constructor (clock: () => number, starved: () => void) {
    this.#clock = clock
    this.#starved = starved
  }

  get size (): number { return this.#connections.size }

  all (): Iterable<Connection> { return this.#connections }

  has (connection: Connection): boolean {
    return this.#connections.has(connection)
  }

  add (connection: Connection): void {
    this.#connections.add(connection)
    this.#timer ??= setInterval(() => this.#check(), TICK).unref()
  }

  /** Returns false where the connection was not active. */
  delete (connection: Connection): boolean {
    return this.#connections.delete(connection)
  }

  destroy (): void {
    for (const connection of [...this.#connections]) connection.user?.abort(new HoldfastError('HOLDFAST_ERR_DRAINING'), 'drained')
  }

  stop (): void {
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  #check (): void {
    if (this.#connections.size === 0) return this.stop()
    const now = this.#clock()
    let starved = false
    // Iterate over a copy: a deadline that has passed may end connections at once.
    for (const connection of [...this.#connections]) {
      if (!this.has(connection)) continue
      connection.user?.checkDeadline(now)
      starved ||= connection.served === 0 && now - connection.acquiredAt > STARVED
    }
    if (starved) this.#starved()
  }
}
