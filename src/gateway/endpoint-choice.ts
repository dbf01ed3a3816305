import type { FastifyRequest } from 'fastify'
import { addressOf } from '../discovery/source.js'

/** The endpoints of a route's target that its `getUpstream` has chosen for requests. */
export class EndpointChoice {
  readonly #protocol: string
  readonly #isEndpoint: (address: string) => boolean
  readonly #chosen = new WeakMap<FastifyRequest, string>()

  /**
   * @param protocol of all endpoints
   * @param isEndpoint whether the target has, or was given, an endpoint with this address (`host:port`)
   */
  constructor (protocol: string, isEndpoint: (address: string) => boolean) {
    this.#protocol = protocol
    this.#isEndpoint = isEndpoint
  }

  /** Takes what was chosen for a request: a URL, or undefined for none in particular. */
  note (request: FastifyRequest, chosen: string | undefined): void {
    const url = chosen === undefined ? undefined : new URL(chosen)
    const address = url?.protocol === this.#protocol ? addressOf(url) : undefined
    if (address !== undefined && this.#isEndpoint(address)) this.#chosen.set(request, address)
    else this.#chosen.delete(request)
  }

  /** The address of the endpoint of a request; undefined where none was chosen. */
  of (request: FastifyRequest): string | undefined {
    return this.#chosen.get(request)
  }
}
