import type { Connection } from '../connection/connection.js'

// A trial whose response takes longer is joined by another, in ms: an event stream has no end for as long as its client reads it.
const TRIAL_ALONE = 1_000

/** The connections that test whether a backend keeps connections open. */
export class Trials {
  readonly #clock: () => number
  readonly #connections = new Set<Connection>()

  constructor (clock: () => number) {
    this.#clock = clock
  }

  /** Makes this connection a trial, unless another trial is under way. Returns whether it is one. */
  claim (connection: Connection): boolean {
    const now = this.#clock()
    for (const trial of this.#connections) {
      if (trial.state === 'closed') this.#connections.delete(trial)
      else if (trial.state === 'idle' || now - trial.acquiredAt < TRIAL_ALONE) return false
    }
    this.#connections.add(connection)
    connection.beginTrial()
    return true
  }

  /** Ends all trials. */
  end (): void {
    for (const trial of this.#connections) trial.endTrial()
    this.#connections.clear()
  }
}
