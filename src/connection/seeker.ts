import type { HoldfastError } from '../errors.js'
import type { Pool } from './pool.js'

/** Says where a waiting request may go. Without a seeker it waits for the target's only pool. */
export interface Seeker {
  /** Whether the request takes a connection of this pool. */
  takes (pool: Pool): boolean
  /** The pool to dial for the request now; undefined where none has room. */
  next (): Pool | undefined
  /**
   * A dial for the request has failed. Returns how long until it dials again, in ms: 0 for at once, at another endpoint; undefined where it
   * gives up.
   *
   * @param began when the dial began, on the pool's clock
   */
  dialFailed (pool: Pool, error: HoldfastError, began: number): number | undefined
}
