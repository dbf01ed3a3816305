import type { ResolvedTargetOptions } from '../options/target-options.js'
import type { BackendBelief } from './backend-belief.js'
import type { ConnectionObserver } from './observer.js'

/**
 * What a pool needs from its target; `TargetCore` implements it. The pool reads it each time, since options and beliefs may change while it
 * runs.
 */
export interface PoolContext {
  readonly name: string
  readonly origin: URL
  readonly options: ResolvedTargetOptions
  readonly observers: Required<ConnectionObserver>
  readonly belief: BackendBelief
  /** Takes note of the certificate that the backend has shown. @param end when it ends, in ms since 1970 */
  certificateShown (end: number): void
  /** A number for a new connection, unique in the app. */
  nextId (): number
}
