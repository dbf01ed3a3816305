import type {
  CloseReason, ConnectionObserver, ConnectionView, EndpointChange, Persistence, Provenance, ResponseView, RetryReason
} from '../connection/observer.js'
import type { ErrorCode } from '../errors.js'
import type { Belief } from './belief.js'
import type { Tally } from './tally.js'

/** Passes on what happens to a target's connections: to its tally, to what is believed of its backend, and last to the app's observers. */
export class TargetEvents implements Required<ConnectionObserver> {
  readonly #tally: Tally
  readonly #belief: Belief
  readonly #observers: Required<ConnectionObserver>

  constructor (tally: Tally, belief: Belief, observers: Required<ConnectionObserver>) {
    this.#tally = tally
    this.#belief = belief
    this.#observers = observers
  }

  opened (connection: ConnectionView, connectMs: number): void {
    this.#tally.opened(connectMs)
    this.#observers.opened(connection, connectMs)
  }

  dialFailed (target: string, code: string, ms: number, endpoint: string): void {
    this.#observers.dialFailed(target, code, ms, endpoint)
  }

  acquired (connection: ConnectionView, idleMs: number, waitMs: number): void {
    this.#tally.acquired(connection.served > 0)
    this.#observers.acquired(connection, idleMs, waitMs)
  }

  responded (connection: ConnectionView, response: ResponseView): void {
    this.#belief.responded(response)
    this.#observers.responded(connection, response)
  }

  released (connection: ConnectionView): void {
    this.#observers.released(connection)
  }

  closed (connection: ConnectionView, reason: CloseReason, idleMs: number | undefined): void {
    this.#tally.closed(reason)
    this.#observers.closed(connection, reason, idleMs)
  }

  rejected (target: string, code: ErrorCode, provenance: Provenance): void {
    this.#tally.rejected(code)
    this.#observers.rejected(target, code, provenance)
  }

  retried (target: string, kind: RetryReason): void {
    this.#tally.retried(kind)
    this.#observers.retried(target, kind)
  }

  persistenceChanged (target: string, from: Persistence, to: Persistence, cause: string, endpoint: string): void {
    this.#observers.persistenceChanged(target, from, to, cause, endpoint)
  }

  endpointChanged (target: string, change: EndpointChange): void {
    this.#observers.endpointChanged(target, change)
  }

  endpointRefusing (target: string, endpoint: string, address: string, refusing: boolean): void {
    this.#observers.endpointRefusing(target, endpoint, address, refusing)
  }

  endpointDrained (target: string, endpoint: string, address: string): void {
    this.#observers.endpointDrained(target, endpoint, address)
  }
}
