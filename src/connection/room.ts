import type { ActiveSet } from './active-set.js'
import type { Dials } from './dials.js'
import type { IdleStack } from './idle-stack.js'
import type { PoolContext } from './pool-context.js'

/** The room of the whole target, which its pools share. */
export interface SharedRoom {
  readonly full: boolean
  /** Closes the connection of a stack that has been idle longest. Returns false where none can be closed. */
  free (idle: IdleStack, freshOnly: boolean): boolean
  /** Closes the connection that has been idle longest of all pools. Returns false where none can be closed. */
  freeAny (freshOnly: boolean): boolean
}

interface Parts {
  readonly idle: IdleStack
  readonly active: ActiveSet
  readonly dials: Dials
  readonly whole: SharedRoom
}

/** Counts a pool's connections against `connections`, and makes room for another one. */
export class Room {
  readonly #context: PoolContext
  readonly #idle: IdleStack
  readonly #active: ActiveSet
  readonly #dials: Dials
  readonly #whole: SharedRoom
  #opening = 0

  constructor (context: PoolContext, { idle, active, dials, whole }: Parts) {
    this.#context = context
    this.#idle = idle
    this.#active = active
    this.#dials = dials
    this.#whole = whole
  }

  /** How many places are taken, by connections, by dials, and by connections that observers are being told of. */
  get taken (): number {
    return this.#idle.size + this.#active.size + this.#dials.size + this.#opening
  }

  /** Whether there is no place for another connection, here or in the whole target. */
  get full (): boolean { return this.#ownFull || this.#whole.full }
  /** Whether a dial may begin without closing a connection of this pool. */
  get dialable (): boolean { return !this.#ownFull && this.#dials.size < this.#context.options.pool.maxDials }

  get #ownFull (): boolean { return this.taken >= this.#context.options.undiciOptions.connections }

  /** Runs `tell`, which tells observers of a new connection. The connection is in no set yet, so this counts its place meanwhile. */
  whileOpening (tell: () => void): void {
    this.#opening++
    tell()
    this.#opening--
  }

  /**
   * Whether a dial may start now. At a bound, the connection that has been idle longest is closed to make room: of this pool, or of any
   * pool where the whole target is at its bound. A resting connection is closed only for a request that needs a fresh one; any other request
   * waits for the end of the rest.
   */
  make (freshOnly: boolean): boolean {
    if (this.#dials.size >= this.#context.options.pool.maxDials) return false
    if (this.#ownFull ? !this.#whole.free(this.#idle, freshOnly) : this.#whole.full && !this.#whole.freeAny(freshOnly)) return false
    // An observer of the close may have taken the place.
    return !this.full
  }
}
