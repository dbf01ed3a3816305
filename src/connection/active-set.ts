import { HoldfastError } from '../errors.js'
import type { Connection } from './connection.js'
import { PlacedSet } from './placed-set.js'

// A deadline fires at most two of these late, in ms.
const TICK = 200
// A backend that is free answers a fresh connection sooner, in ms.
const STARVED = 2_000

/**
 * A pool's active connections. All are looked at every now and then for what has been quiet too long, so that no request costs a
 * timer.
 */
export class ActiveSet {
  readonly #connections = new PlacedSet<Connection>()
  readonly #clock: () => number
  readonly #starved: () => void
  #timer: NodeJS.Timeout | undefined

  /** @param starved is called where a fresh connection is not answered: its backend may be waiting for another one to end */
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

  /** False where it was not here. What was on it is over. */
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
    // A deadline that has passed may end its connection at once.
    for (const connection of [...this.#connections]) {
      if (!this.has(connection)) continue
      connection.user?.checkDeadline(now)
      starved ||= connection.served === 0 && now - connection.acquiredAt > STARVED
    }
    if (starved) this.#starved()
  }
}
