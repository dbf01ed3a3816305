import type { Closing } from './closing.js'
import type { IdleStack } from './idle-stack.js'
import type { Pool } from './pool.js'
import type { PoolContext } from './pool-context.js'
import type { SharedRoom } from './room.js'

/** Counts the connections of all pools of a target against `pool.maxConnections`, and closes idle ones to make room. */
export class WholeRoom implements SharedRoom {
  readonly #context: PoolContext
  readonly #clock: () => number
  readonly #pools: readonly Pool[]
  readonly #closing: Closing

  /** @param pools the pools of the target; the array may change */
  constructor (context: PoolContext, clock: () => number, pools: readonly Pool[], closing: Closing) {
    this.#context = context
    this.#clock = clock
    this.#pools = pools
    this.#closing = closing
  }

  get taken (): number {
    let taken = 0
    for (const { room } of this.#pools) taken += room.taken
    return taken
  }

  get full (): boolean {
    const { maxConnections } = this.#context.options.pool
    return maxConnections !== Infinity && this.taken >= maxConnections
  }

  free (idle: IdleStack, freshOnly: boolean): boolean {
    const oldest = idle.takeOldest(!freshOnly)
    if (oldest === undefined) return false
    this.#closing.retire(oldest, 'evicted', this.#clock() - oldest.idleSince)
    return true
  }

  freeAny (freshOnly: boolean): boolean {
    const pool = this.#longestIdle()
    return pool !== undefined && this.free(pool.idle, freshOnly)
  }

  /** Closes idle connections above the bounds. Called at each change of options; it finds none unless a bound was lowered. */
  shrink (): void {
    const { connections } = this.#context.options.undiciOptions
    for (const { room, idle } of this.#pools) while (room.taken > connections && this.#closeOldest(idle));
    const { maxConnections } = this.#context.options.pool
    while (this.taken > maxConnections) {
      const pool = this.#longestIdle()
      if (pool === undefined || !this.#closeOldest(pool.idle)) return
    }
  }

  #closeOldest (idle: IdleStack): boolean {
    const oldest = idle.takeOldest()
    if (oldest === undefined) return false
    this.#closing.close(oldest, 'updated', this.#clock() - oldest.idleSince)
    return true
  }

  #longestIdle (): Pool | undefined {
    let found: Pool | undefined
    for (const pool of this.#pools) if (pool.idle.oldestSince < (found?.idle.oldestSince ?? Infinity)) found = pool
    return found
  }
}
