import type { HoldfastError } from '../errors.js'
import type { CloseReason } from './close-reason.js'
import type { Connection } from './connection.js'
import type { Persistence } from './observer.js'

/** What a pool needs from its endpoint, and what it tells it. */
export interface PoolHost {
  /** Of the endpoint. */
  readonly id: string
  /** What is believed of the endpoint: whether it keeps connections open. */
  readonly persistence: Persistence
  /** Why a connection whose exchange has ended must be closed; undefined where it may be kept. */
  refuseReturn (connection: Connection): CloseReason | undefined
  /** An exchange has ended well. @param ms how long it took */
  exchanged (ms: number): void
  dialBegan (): void
  /** @param error undefined where the dial has succeeded */
  dialEnded (error: HoldfastError | undefined): void
  /** So many dials were given up. */
  dialsAbandoned (count: number): void
  /** The backend has closed a connection that it had left idle for `idleMs`. */
  idleClosed (connection: Connection, idleMs: number): void
  /** The certificate that the endpoint has shown. @param end when it ends, in ms since 1970 */
  certificateShown (end: number): void
  /** A connection, a dial or a tunnel of the pool has ended. */
  poolShrank (): void
}
