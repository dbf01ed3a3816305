import type { ConnectionSnapshot } from '../connection/connection.js'
import type { CloseReason, Persistence, Provenance } from '../connection/observer.js'
import type { ErrorCode } from '../errors.js'
import type { TargetSnapshot } from '../target/target.js'

/** What one second has seen of a target. `at` is its beginning, epoch ms. */
export interface HistorySecond {
  readonly at: number
  readonly requests: number
  readonly opened: number
  readonly closed: Readonly<Partial<Record<CloseReason, number>>>
}

/** A change of what is believed of a backend. `at` is epoch ms. */
export interface PersistenceChange {
  readonly at: number
  readonly from: Persistence
  readonly to: Persistence
  readonly cause: string
}

/** A request that ended without an answer, or with half of one. `at` is epoch ms. */
export interface Failure {
  readonly at: number
  readonly code: ErrorCode
  readonly provenance: Provenance
}

/** What is remembered of a target. */
export interface TargetHistory {
  /** Since when, epoch ms. */
  readonly since: number
  /** The last 300 whole seconds or fewer, empty ones included, oldest first. */
  readonly seconds: readonly HistorySecond[]
  /**
   * How long connections had lain idle that the backend closed. `edges` are upper bounds in ms, spaced evenly on a logarithmic scale; the last
   * count is of longer ones too.
   */
  readonly idleCloses: { readonly edges: readonly number[], readonly counts: readonly number[] }
  /** The last 50, oldest first. */
  readonly persistence: readonly PersistenceChange[]
  /** The last 50, oldest first. */
  readonly failures: readonly Failure[]
}

/** `GET /api/targets`, and the event `snapshot`. `at` is epoch ms. */
export interface TargetList {
  readonly at: number
  readonly targets: readonly TargetSnapshot[]
}

/** `GET /api/targets/:name`. `at` is epoch ms. */
export interface TargetDetail {
  readonly at: number
  readonly target: TargetSnapshot
  readonly connections: readonly ConnectionSnapshot[]
  readonly history: TargetHistory
}
