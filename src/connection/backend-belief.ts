import type { Connection } from './connection.js'

/** The belief about a backend, as its pool uses it: what the pool reads, and the evidence that it reports. All times in ms. */
export interface BackendBelief {
  /** How long a connection may lie unused. */
  readonly idleLimit: number
  /** The shortest time that a recent exchange has taken. */
  readonly roundTripMs: number
  /** How long a connection must have been quiet before it carries a request that cannot be sent again. */
  quietBefore (connection: Connection): number
  /**
   * Until what idle time to watch a connection past the limit; undefined where there is nothing to learn from it.
   *
   * @param heard whether the pool has called `outlasted` for this connection
   */
  watchUntil (idleMs: number, heard: boolean): number | undefined
  /** The watched connection has reached the idle time of `watchUntil` for the first time. */
  outlasted (idleMs: number): void
  /** The backend has closed a connection after `idleMs`. @param left whether another connection that has been idle for a while is open */
  closed (idleMs: number, left: boolean): void
  /** The backend has closed an idle connection `ms` after its last response, however short that is. */
  closedAfter (connection: Connection, ms: number): void
  /** An exchange has ended well. @param ms how long it took @param idleMs how long the connection was idle before; 0 for a fresh one */
  exchanged (ms: number, idleMs: number): void
}
