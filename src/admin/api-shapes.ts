import type { ConnectionSnapshot } from '../connection/connection.js'
import type { CloseReason, Persistence, Provenance } from '../connection/observer.js'
import type { ErrorCode } from '../errors.js'
import type { TargetSnapshot } from '../target/target.js'

/** What happened to a target in one second. `at` is the beginning of the second, in epoch ms. */
export interface HistorySecond {
  readonly at: number
  readonly requests: number
  readonly opened: number
  readonly closed: Readonly<Partial<Record<CloseReason, number>>>
}

/** A change of a target's persistence. `at` is in epoch ms. */
export interface PersistenceChange {
  readonly at: number
  readonly from: Persistence
  readonly to: Persistence
  readonly cause: string
}

/** A request that got no response, or only a part of one. `at` is in epoch ms. */
export interface Failure {
  readonly at: number
  readonly code: ErrorCode
  readonly provenance: Provenance
}

/** The recent history of a target. */
export interface TargetHistory {
  /** When the history begins, in epoch ms. */
  readonly since: number
  /** At most the last 300 whole seconds, with those in which nothing happened, oldest first. */
  readonly seconds: readonly HistorySecond[]
  /**
   * How long connections had been idle when the backend closed them. `edges` are upper bounds in ms, evenly spaced on a logarithmic scale.
   * The last count has all longer ones too.
   */
  readonly idleCloses: { readonly edges: readonly number[], readonly counts: readonly number[] }
  /** The last 50, oldest first. */
  readonly persistence: readonly PersistenceChange[]
  /** The last 50, oldest first. */
  readonly failures: readonly Failure[]
}

/** The answer of `GET /api/targets`, and the data of the event `snapshot`. `at` is in epoch ms. */
export interface TargetList {
  readonly at: number
  readonly targets: readonly TargetSnapshot[]
}

/** The answer of `GET /api/targets/:name`. `at` is in epoch ms. */
export interface TargetDetail {
  readonly at: number
  readonly target: TargetSnapshot
  readonly connections: readonly ConnectionSnapshot[]
  readonly history: TargetHistory
}
