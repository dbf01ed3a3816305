import type { Connection } from '../connection/connection.js'
import type { CloseReason, Persistence } from '../connection/observer.js'
import { keepsAlive } from '../options/target-options.js'
import type { ResolvedTargetOptions } from '../options/target-options.js'
import { Trials } from './trials.js'

/** What is believed of an endpoint: whether it keeps connections open. `Inspector`, an operator or an app's own observer decides on it. */
export class EndpointPersistence {
  /** Kinds of requests after which the endpoint closes its connection while it keeps others: each of them gets a fresh connection. */
  apart: ReadonlySet<string> = new Set()
  readonly #trials: Trials
  #state: Persistence

  constructor (options: ResolvedTargetOptions, clock: () => number) {
    this.#state = keepsAlive(options) ? 'persistent' : 'non-persistent'
    this.#trials = new Trials(clock)
  }

  get state (): Persistence { return this.#state }

  /** Returns the state before; undefined where nothing changes. While keep-alive is switched off, an endpoint stays non-persistent. */
  set (state: Persistence, options: ResolvedTargetOptions): Persistence | undefined {
    const before = this.#state
    if (before === state || (state !== 'non-persistent' && !keepsAlive(options))) return undefined
    this.#state = state
    this.#trials.end()
    return before
  }

  refuseReturn (connection: Connection): CloseReason | undefined {
    if (this.#state === 'persistent' || (this.#state === 'trial' && connection.trial)) return undefined
    return 'non_persistent'
  }

  /** Whether this connection tests from now on if the endpoint keeps connections open. */
  claimTrial (connection: Connection): boolean {
    return this.#trials.claim(connection)
  }
}
