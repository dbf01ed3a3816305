/** An endpoint as a user writes it: a URL, or an object with one. */
export type GivenEndpoint = string | {
  /** `http://10.0.0.1:3000`: scheme, address or name, and port. */
  readonly url: string
  /** Its share of the requests, relative to the others. @defaultValue 1 */
  readonly weight?: number | undefined
  /** Endpoints with a higher number get requests if none with a lower one serves. @defaultValue 0 */
  readonly priority?: number | undefined
  /** It shuts down: no new requests. @defaultValue false */
  readonly leaving?: boolean | undefined
  /** The zone it runs in. */
  readonly zone?: string | undefined
  /** Endpoints of one group run the same version. */
  readonly group?: string | undefined
}

/**
 * A user's own discovery. It returns a list, or a promise of one, and is called again at `refresh`, or when an endpoint begins to refuse
 * its dials. Or it returns an async iterable, as an async generator does: each list that it yields counts at once. `signal` is aborted when
 * the result is not wanted any more.
 */
export type DiscoveryFunction = (context: { readonly signal: AbortSignal }) =>
  readonly GivenEndpoint[] | Promise<readonly GivenEndpoint[]> | AsyncIterable<readonly GivenEndpoint[]>

/** Endpoints that are asked as one origin. */
export interface GivenOrigin {
  /** What `Host`, the name in the TLS handshake and the name of certificates are made from: `https://users.internal`. */
  readonly origin: string
  /** A list, or a function that finds them. */
  readonly endpoints: readonly GivenEndpoint[] | DiscoveryFunction
}

/**
 * Where a route leads: a URL, one with discovery (`dns+http:`, `srv+http:`, `kubernetes+http:`, or `+https:`), a list of endpoints, or a
 * function that finds them.
 */
export type UpstreamOption = string | readonly GivenEndpoint[] | DiscoveryFunction | GivenOrigin
