import type { ResolvedTargetOptions } from '../options/target-options.js'
import type { BackendBelief } from './backend-belief.js'
import type { ConnectionObserver } from './observer.js'

/**
 * What the pools of a target need from it; `TargetCore` implements it. The pools read it each time, since options and beliefs may change
 * while they run.
 */
export interface PoolContext {
  readonly name: string
  readonly origin: URL
  readonly options: ResolvedTargetOptions
  readonly observers: Required<ConnectionObserver>
  readonly belief: BackendBelief
  /** A number for a new connection, unique in the app. */
  nextId (): number
}
