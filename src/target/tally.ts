import type { CloseReason, RetryReason } from '../connection/observer.js'
import type { ErrorCode } from '../errors.js'

/** What a target has done since it was made. */
export interface Totals {
  /** Requests that were given to the target. */
  requests: number
  /** Connections that were dialled. */
  opened: number
  /** Exchanges on a connection that had served a request before. */
  reused: number
  /** Closed connections, by reason. */
  closed: Partial<Record<CloseReason, number>>
  /** Repeated attempts, by kind: `unwritten`, `stale` or `unused_timeout`; `connect` for a repeated dial. */
  retries: Partial<Record<RetryReason, number>>
  /** Requests that failed, by the error's code. */
  rejected: Partial<Record<ErrorCode, number>>
}

/** Counts what happens to one target's requests and connections. */
export class Tally {
  readonly totals: Totals = { requests: 0, opened: 0, reused: 0, closed: {}, retries: {}, rejected: {} }
  #exchanges = 0
  #connectMs = 0

  /** 1 - opened / exchanges; 0 before the first exchange. */
  get reuseRatio (): number { return this.#exchanges === 0 ? 0 : Math.max(0, 1 - this.totals.opened / this.#exchanges) }

  /** Mean time to connect, and the time that reuse has saved, in ms. */
  get connectMs (): { mean: number, saved: number } {
    const mean = this.totals.opened === 0 ? 0 : this.#connectMs / this.totals.opened
    return { mean, saved: mean * this.totals.reused }
  }

  requested (): void {
    this.totals.requests++
  }

  opened (connectMs: number): void {
    this.totals.opened++
    this.#connectMs += connectMs
  }

  acquired (reused: boolean): void {
    this.#exchanges++
    if (reused) this.totals.reused++
  }

  closed (reason: CloseReason): void {
    this.totals.closed[reason] = (this.totals.closed[reason] ?? 0) + 1
  }

  rejected (code: ErrorCode): void {
    this.totals.rejected[code] = (this.totals.rejected[code] ?? 0) + 1
  }

  retried (kind: RetryReason): void {
    this.totals.retries[kind] = (this.totals.retries[kind] ?? 0) + 1
  }
}
