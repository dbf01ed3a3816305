import type { FastifyRequest } from 'fastify'

/** The endpoints of a route that its `getUpstream` has chosen for requests. */
export class EndpointChoice {
  readonly #endpoints: ReadonlyMap<string, string>
  readonly #chosen = new WeakMap<FastifyRequest, string>()

  /** @param endpoints their addresses, by origin */
  constructor (endpoints: ReadonlyMap<string, string>) {
    this.#endpoints = endpoints
  }

  /** Takes what was chosen for a request: a URL, or undefined for none in particular. */
  note (request: FastifyRequest, url: string | undefined): void {
    const address = url === undefined ? undefined : this.#endpoints.get(new URL(url).origin)
    if (address === undefined) this.#chosen.delete(request)
    else this.#chosen.set(request, address)
  }

  /** The address of the endpoint of a request; undefined where none was chosen. */
  of (request: FastifyRequest): string | undefined {
    return this.#chosen.get(request)
  }
}
