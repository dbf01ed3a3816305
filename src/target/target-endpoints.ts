import type { EndpointSnapshot } from '../endpoint/endpoint-snapshot.js'
import type { GivenEndpoint } from '../options/upstream-option.js'

/**
 * A target's endpoints: `target.endpoints`. The methods take an endpoint's id or its address (`host:port`), and throw
 * HOLDFAST_ERR_UNKNOWN_ENDPOINT for one that the target does not have. The admin API has the same.
 */
export interface TargetEndpoints {
  /** Their states now. */
  list (): EndpointSnapshot[]
  /**
   * Replaces the endpoints: those that the list lacks leave, and new ones join. The list stands until the next call, and discovery is
   * stopped. Throws HOLDFAST_ERR_OPTION for a list that cannot be, and for an empty one; nothing changes then.
   */
  set (list: readonly GivenEndpoint[]): void
  /** Gives an endpoint no new requests but those that are bound to it. What it has goes on until it ends. */
  drain (endpoint: string): void
  /** Ends `drain`, and what the gateway itself had concluded about its leaving. */
  undrain (endpoint: string): void
  /** Takes an endpoint out of choice. @param options `ms`: for how long, 60 000 by default; `cause`: for a person who reads logs */
  eject (endpoint: string, options?: { readonly ms?: number | undefined, readonly cause?: string | undefined }): void
  /** Ends the ejection of an endpoint. */
  restore (endpoint: string): void
}
