import type { HoldfastError } from '../errors.js'
import type { ConnectionPool } from './connection.js'

/** Says where a waiting request may go. Without a seeker it waits for the target's only pool. */
export interface Seeker {
  /** Whether any pool with room will do. Where one such request finds none, the others find none either. */
  readonly free: boolean
  /** Whether the request takes a connection of this pool. */
  takes (pool: ConnectionPool): boolean
  /** The pool to dial for the request now; undefined where none has room. */
  next (): ConnectionPool | undefined
  /**
   * A dial for the request has failed. Returns how long until it dials again, in ms: 0 for at once, at another endpoint; undefined where it
   * gives up.
   *
   * @param began when the dial began, on the pool's clock
   */
  dialFailed (pool: ConnectionPool, error: HoldfastError, began: number): number | undefined
}
