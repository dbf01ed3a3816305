import type { HoldfastError } from '../errors.js'
import type { ConnectionHost } from './connection.js'

/** The endpoint of a pool: what the pool tells it, and what it needs from it. */
export interface PoolHost extends ConnectionHost {
  dialBegan (): void
  /** @param error undefined where the dial has succeeded @param began when the dial began, on the pool's clock */
  dialEnded (error: HoldfastError | undefined, began: number): void
  /** So many dials were given up. */
  dialsAbandoned (count: number): void
  /** The certificate that the endpoint has shown. @param end when it ends, in ms since 1970 */
  certificateShown (end: number): void
}
