import type { ResolvedTargetOptions } from '../options/target-options.js'
import type { BackendBelief } from './backend-belief.js'
import type { ConnectionObserver } from './observer.js'

/** What a pool asks its target, each time it needs to know: options and beliefs may change while it runs. */
export interface PoolHost {
  readonly name: string
  readonly origin: URL
  readonly options: ResolvedTargetOptions
  readonly observers: Required<ConnectionObserver>
  readonly belief: BackendBelief
  /** An app-wide number for a connection. */
  nextId (): number
}
