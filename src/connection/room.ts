import type { ActiveSet } from './active-set.js'
import type { Closing } from './closing.js'
import type { Dials } from './dials.js'
import type { IdleStack } from './idle-stack.js'
import type { PoolContext } from './pool-context.js'

/** Counts a pool's connections against `connections`, and makes room for another one. */
export class Room {
  readonly #context: PoolContext
  readonly #clock: () => number
  readonly #idle: IdleStack
  readonly #active: ActiveSet
  readonly #dials: Dials
  readonly #closing: Closing
  #opening = 0

  constructor (context: PoolContext, clock: () => number, { idle, active, dials, closing }: { idle: IdleStack, active: ActiveSet, dials: Dials, closing: Closing }) {
    this.#context = context
    this.#clock = clock
    this.#idle = idle
    this.#active = active
    this.#dials = dials
    this.#closing = closing
  }

  /** How many places are taken, by connections, by dials, and by connections that observers are being told of. */
  get taken (): number {
    return this.#idle.size + this.#active.size + this.#dials.size + this.#opening
  }

  /** Whether there is no place for another connection. */
  get full (): boolean { return this.taken >= this.#context.options.undiciOptions.connections }

  /** Runs `tell`, which tells observers of a new connection. The connection is in no set yet, so this counts its place meanwhile. */
  whileOpening (tell: () => void): void {
    this.#opening++
    tell()
    this.#opening--
  }

  /**
   * Whether a dial may start now. At the bound, the connection that has been idle longest is closed to make room. A resting connection is
   * closed only for a request that needs a fresh one; any other request waits for the end of the rest.
   */
  make (freshOnly: boolean): boolean {
    if (this.#dials.size >= this.#context.options.pool.maxDials) return false
    if (!this.full) return true
    const oldest = this.#idle.takeOldest(!freshOnly)
    if (oldest === undefined) return false
    this.#closing.retire(oldest, 'evicted', this.#clock() - oldest.idleSince)
    // An observer of the close may have taken the place.
    return !this.full
  }

  /** Closes idle connections above the bound. Called at each change of options; it finds none unless `connections` was lowered. */
  shrink (): void {
    while (this.taken > this.#context.options.undiciOptions.connections) {
      const oldest = this.#idle.takeOldest()
      if (oldest === undefined) return
      this.#closing.close(oldest, 'updated', this.#clock() - oldest.idleSince)
    }
  }
}
