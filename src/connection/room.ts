import type { ActiveSet } from './active-set.js'
import type { Closing } from './closing.js'
import type { Dials } from './dials.js'
import type { IdleStack } from './idle-stack.js'
import type { PoolHost } from './pool-host.js'

/** How many connections a pool may have: it counts them, and makes room for one more. */
export class Room {
  readonly #host: PoolHost
  readonly #clock: () => number
  readonly #idle: IdleStack
  readonly #active: ActiveSet
  readonly #dials: Dials
  readonly #closing: Closing
  #opening = 0

  constructor (host: PoolHost, clock: () => number, { idle, active, dials, closing }: { idle: IdleStack, active: ActiveSet, dials: Dials, closing: Closing }) {
    this.#host = host
    this.#clock = clock
    this.#idle = idle
    this.#active = active
    this.#dials = dials
    this.#closing = closing
  }

  /** Connections that count against `connections`, and dials. */
  get taken (): number {
    return this.#idle.size + this.#active.size + this.#dials.size + this.#opening
  }

  /** Whether there is no place for another one. */
  get full (): boolean { return this.taken >= this.#host.options.undiciOptions.connections }

  /** Runs what tells observers of a new connection: it is in no set yet, and takes a place meanwhile. */
  whileOpening (tell: () => void): void {
    this.#opening++
    tell()
    this.#opening--
  }

  /**
   * Whether a dial may start now. At the bound, the connection that has been idle longest makes room for it; unless all of them rest, and
   * the request can wait for one of those.
   */
  make (freshOnly: boolean): boolean {
    if (this.#dials.size >= this.#host.options.pool.maxDials) return false
    if (!this.full) return true
    const oldest = this.#idle.takeOldest(!freshOnly)
    if (oldest === undefined) return false
    this.#closing.retire(oldest, 'evicted', this.#clock() - oldest.idleSince)
    // An observer of the close may have had the place taken.
    return !this.full
  }

  /** The bound has been lowered: closes idle connections that are beyond it. */
  shrink (): void {
    while (this.taken > this.#host.options.undiciOptions.connections) {
      const oldest = this.#idle.takeOldest()
      if (oldest === undefined) return
      this.#closing.close(oldest, 'updated', this.#clock() - oldest.idleSince)
    }
  }
}
