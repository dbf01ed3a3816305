import type { ConnectionSnapshot } from '../connection/connection.js'
import type { CloseReason, EndpointChange, Persistence, Provenance } from '../connection/observer.js'
import type { EndpointSnapshot } from '../endpoint/endpoint-snapshot.js'
import type { EndpointState } from '../endpoint/endpoint-state.js'
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
  /** Id of the endpoint of which it is believed. */
  readonly endpoint?: string
}

/** A change of an endpoint's state, or that a leaving endpoint has drained. `at` is in epoch ms; `from` is null for a new endpoint. */
export type EndpointRecord = { readonly at: number } & (
  | Pick<EndpointChange, 'endpoint' | 'address' | 'to' | 'cause'> & { readonly type: 'changed', readonly from: EndpointState | null }
  | Pick<EndpointChange, 'endpoint' | 'address'> & { readonly type: 'drained' }
)

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
  /** The last 100, oldest first. */
  readonly endpoints: readonly EndpointRecord[]
}

/** How many endpoints of a target have each state, and how many of those that are up or joining refuse their dials. */
export type EndpointCounts = Readonly<Record<Exclude<EndpointState, 'gone'> | 'refusing', number>>

/** A target in the event `snapshot`: its endpoints are counted, since a list of all of them each second would be long. */
export type TargetSummary = Omit<TargetSnapshot, 'endpoints'> & { readonly endpointCounts: EndpointCounts }

/** The data of the event `snapshot`. `at` is in epoch ms. */
export interface TargetSummaries {
  readonly at: number
  readonly targets: readonly TargetSummary[]
}

/** The answer of an action on an endpoint. `endpoint` is null where nothing is left of it. */
export interface EndpointAnswer {
  readonly endpoint: EndpointSnapshot | null
}

/** The answer of `GET` and of `PUT /api/targets/:name/endpoints`. */
export interface EndpointsAnswer {
  readonly endpoints: readonly EndpointSnapshot[]
}

/** The answer of `GET /api/targets`. `at` is in epoch ms. */
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
