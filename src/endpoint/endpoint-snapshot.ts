import type { Persistence } from '../connection/observer.js'
import type { EndpointState } from './endpoint-state.js'

/** The state of an endpoint at one moment; times in ms. */
export interface EndpointSnapshot {
  /** Opaque; the same in all replicas. */
  readonly id: string
  /** Its `host:port`, or the path of its socket. */
  readonly address: string
  /** Where it is in its life. */
  readonly state: EndpointState
  /** Whether it is leaving, and has no request and no tunnel any more. */
  readonly drained: boolean
  /** Whether its dials are refused. Requests avoid it then, ejected or not. */
  readonly refusing: boolean
  /** Since when it has its state, in ms since 1970. */
  readonly since: number
  /** Why it has its state, for a person. */
  readonly cause: string
  /** Its share of the requests, relative to the others of its priority. */
  readonly weight: number
  /** Endpoints with a higher number get requests where none with a lower one serves. */
  readonly priority: number
  /** The zone it runs in, where discovery knows it. */
  readonly zone: string | undefined
  /** What is believed of it: whether it keeps connections open. */
  readonly persistence: Persistence
  /** Its connections now. */
  readonly connections: {
    /** Connections that carry a request. */
    readonly active: number
    /** Connections that wait for a request. */
    readonly idle: number
    /** Dials under way. */
    readonly connecting: number
    /** Connections that are tunnels. */
    readonly upgraded: number
  }
  /** Exchanges that were begun on it. */
  readonly requests: number
  /** Failures that speak against it: failed dials, fresh connections lost, timeouts, and statuses that `ejection.statuses` names. */
  readonly failures: number
  /** How long an exchange takes, on average over the latest ones; 0 before the first. */
  readonly exchangeMs: number
}
