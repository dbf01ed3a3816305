import type { ResolvedTargetOptions } from '../options/target-options.js'
import type { Connection } from './connection.js'
import type { CloseReason, ConnectionObserver } from './observer.js'
import type { IdleLearner } from './sentinel.js'

/** What a pool needs from its target. The pool reads it each time, since options and states may change while it runs. */
export interface PoolHost {
  readonly name: string
  readonly origin: URL
  readonly options: ResolvedTargetOptions
  /** How long a connection may lie unused, in ms. */
  readonly idleLimit: number
  readonly observers: Required<ConnectionObserver>
  readonly learner: IdleLearner
  /** The shortest time that a recent exchange has taken, in ms. */
  readonly roundTripMs: number
  /** Why a connection whose exchange has ended must be closed; undefined where it may be kept. */
  refuseReturn (connection: Connection): CloseReason | undefined
  /** A number for a new connection, unique in the app. */
  nextId (): number
}
