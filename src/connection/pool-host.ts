import type { ResolvedTargetOptions } from '../options/target-options.js'
import type { Connection } from './connection.js'
import type { CloseReason, ConnectionObserver } from './observer.js'
import type { IdleLearner } from './sentinel.js'

/** What a pool asks its target, each time it needs to know: options and states may change while it runs. */
export interface PoolHost {
  readonly name: string
  readonly origin: URL
  readonly options: ResolvedTargetOptions
  /** How long a connection may lie unused, in ms. */
  readonly idleLimit: number
  readonly observers: Required<ConnectionObserver>
  readonly learner: IdleLearner
  /** The shortest time that an exchange has taken lately, in ms. */
  readonly roundTripMs: number
  /** Whether a connection whose exchange has ended may be kept; if not, why not. */
  refuseReturn (connection: Connection): CloseReason | undefined
  /** An app-wide number for a connection. */
  nextId (): number
}
