import type { HoldfastError } from '../errors.js'
import type { ConnectionHost } from './connection.js'

/** The endpoint of a pool: what the pool tells it, and what it needs from it. */
export interface PoolHost extends ConnectionHost {
  dialBegan (): void
  /** @param error undefined where the dial has succeeded */
  dialEnded (error: HoldfastError | undefined): void
  /** So many dials were given up. */
  dialsAbandoned (count: number): void
  /** The certificate that the endpoint has shown. @param end when it ends, in ms since 1970 */
  certificateShown (end: number): void
}
