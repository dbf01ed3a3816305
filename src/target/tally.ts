import type { CloseReason, ConnectionObserver, ConnectionView, Persistence, Provenance, ResponseView, RetryReason } from '../connection/observer.js'
import type { ErrorCode } from '../errors.js'

/** What a target has done since it was made. */
export interface Totals {
  requests: number
  opened: number
  reused: number
  closed: Partial<Record<CloseReason, number>>
  retries: Partial<Record<RetryReason, number>>
  rejected: Partial<Record<ErrorCode, number>>
}

/** Counts what happens to one target's connections, and passes it on to the app's observers. */
export class Tally implements Required<ConnectionObserver> {
  readonly totals: Totals = { requests: 0, opened: 0, reused: 0, closed: {}, retries: {}, rejected: {} }
  readonly #next: Required<ConnectionObserver>
  readonly #onResponse: (response: ResponseView) => void
  #exchanges = 0
  #connectMs = 0

  constructor (next: Required<ConnectionObserver>, onResponse: (response: ResponseView) => void) {
    this.#next = next
    this.#onResponse = onResponse
  }

  /** 1 - opened / exchanges; 0 before the first exchange. */
  get reuseRatio (): number { return this.#exchanges === 0 ? 0 : Math.max(0, 1 - this.totals.opened / this.#exchanges) }

  /** Mean time to connect, and what reuse has saved of it, in ms. */
  get connectMs (): { mean: number, saved: number } {
    const mean = this.totals.opened === 0 ? 0 : this.#connectMs / this.totals.opened
    return { mean, saved: mean * this.totals.reused }
  }

  opened (connection: ConnectionView, connectMs: number): void {
    this.totals.opened++
    this.#connectMs += connectMs
    this.#next.opened(connection, connectMs)
  }

  dialFailed (target: string, code: string, ms: number): void {
    this.#next.dialFailed(target, code, ms)
  }

  acquired (connection: ConnectionView, idleMs: number, waitMs: number): void {
    this.#exchanges++
    if (connection.served > 0) this.totals.reused++
    this.#next.acquired(connection, idleMs, waitMs)
  }

  responded (connection: ConnectionView, response: ResponseView): void {
    this.#onResponse(response)
    this.#next.responded(connection, response)
  }

  released (connection: ConnectionView): void {
    this.#next.released(connection)
  }

  closed (connection: ConnectionView, reason: CloseReason, idleMs: number | undefined): void {
    this.totals.closed[reason] = (this.totals.closed[reason] ?? 0) + 1
    this.#next.closed(connection, reason, idleMs)
  }

  rejected (target: string, code: ErrorCode, provenance: Provenance): void {
    this.totals.rejected[code] = (this.totals.rejected[code] ?? 0) + 1
    this.#next.rejected(target, code, provenance)
  }

  retried (target: string, kind: RetryReason): void {
    this.totals.retries[kind] = (this.totals.retries[kind] ?? 0) + 1
    this.#next.retried(target, kind)
  }

  persistenceChanged (target: string, from: Persistence, to: Persistence, cause: string): void {
    this.#next.persistenceChanged(target, from, to, cause)
  }
}
