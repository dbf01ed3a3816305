import { readGivenList } from '../discovery/given-list.js'
import type { EndpointSnapshot } from '../endpoint/endpoint-snapshot.js'
import type { Endpoints } from '../endpoint/endpoints.js'
import { optionError } from '../errors.js'
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

type EjectOptions = NonNullable<Parameters<TargetEndpoints['eject']>[1]>

interface Core {
  readonly origin: URL
  readonly endpoints: Endpoints
}

const EMPTY = 'is empty; give at least one endpoint, and drain those that are to get no requests'
// How long an operator's ejection lasts by default, in ms.
const EJECTION = 60_000

/** `target.endpoints`. Its methods may be called without it as `this`. */
export class EndpointsOfTarget implements TargetEndpoints {
  readonly #core: Core

  constructor (core: Core) {
    this.#core = core
  }

  list = (): EndpointSnapshot[] => {
    const { endpoints } = this.#core
    const now = endpoints.clock()
    const { wallClock } = endpoints
    return endpoints.all.map(endpoint => endpoint.snapshot(now, wallClock))
  }

  set = (list: readonly GivenEndpoint[]): void => {
    const { origin, endpoints } = this.#core
    const { found } = readGivenList(list, 'endpoints', origin.protocol as 'http:' | 'https:')
    if (found.length === 0) throw optionError('endpoints', list, EMPTY)
    endpoints.set(found)
  }

  drain = (endpoint: string): void => {
    const { endpoints } = this.#core
    endpoints.drain(endpoints.named(endpoint))
  }

  undrain = (endpoint: string): void => {
    const { endpoints } = this.#core
    endpoints.undrain(endpoints.named(endpoint))
  }

  eject = (endpoint: string, { ms = EJECTION, cause = 'ejected by an operator' }: EjectOptions = {}): void => {
    const { endpoints } = this.#core
    if (!(ms > 0)) throw optionError('ms', ms, 'is no time; give milliseconds above 0')
    endpoints.eject(endpoints.named(endpoint), ms, cause)
  }

  restore = (endpoint: string): void => {
    const { endpoints } = this.#core
    endpoints.restore(endpoints.named(endpoint))
  }
}
