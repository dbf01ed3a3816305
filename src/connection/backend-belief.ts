import type { Connection } from './connection.js'
import type { CloseReason } from './observer.js'

/** What a pool asks of what is believed of its backend, and the evidence that it reports; all times in ms. */
export interface BackendBelief {
  /** How long a connection may lie unused. */
  readonly idleLimit: number
  /** The shortest time that an exchange has taken lately. */
  readonly roundTripMs: number
  /** Why a connection whose exchange has ended may not be kept; undefined where it may. */
  refuseReturn (connection: Connection): CloseReason | undefined
  /** How long a connection must have been quiet before it carries a request that could not be sent again. */
  quietBefore (connection: Connection): number
  /**
   * Up to which idle time the pool is to watch a connection that is past the limit; undefined where nothing can be learned from it.
   * `heard`: the pool has called `outlasted` for this connection.
   */
  watchUntil (idleMs: number, heard: boolean): number | undefined
  /** The watched connection has reached the idle time of `watchUntil` for the first time. */
  outlasted (idleMs: number): void
  /** The backend has closed a connection that had been idle for `idleMs`; `left`: other connections have been idle for a while and are open. */
  closed (idleMs: number, left: boolean): void
  /** The backend has closed an idle connection `ms` after its last response, however short that is. */
  closedAfter (connection: Connection, ms: number): void
  /** An exchange has ended well after `ms`, on a connection that had been idle for `idleMs` before; 0 on a fresh one. */
  exchanged (ms: number, idleMs: number): void
}
